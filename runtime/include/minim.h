/* Minim: what music it is, from PCM. Made by cbindgen from runtime/src/ffi.rs: see runtime/examples/c. */

#ifndef MINIM_H
#define MINIM_H

#include <stddef.h>
#include <stdint.h>

/*
 All went well.
 */
#define MINIM_OK 0

/*
 A pointer is null, or a number makes no sense.
 */
#define MINIM_ARGUMENT -1

/*
 The music cannot be heard; `minim_error` says why.
 */
#define MINIM_FAILED -2

/*
 The song is over: `minim_reset` begins another.
 */
#define MINIM_ENDED -3

/*
 A model, and a song that it hears.
 */
typedef struct MinimTagger MinimTagger;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Opens a model: a folder, a packed model.bin beside its card.json, or an ONNX file.

 `sample_rate` in hertz and `channels` are those of the samples to come. Returns NULL where that cannot be, and writes
 why into `error`, a text of at most `error_size` bytes with its zero; `error` may be NULL. Give what is returned to
 `minim_close` in the end.

 # Safety
 `path` is a text that ends in a zero byte; `error` points to `error_size` bytes, or is NULL.
 */
MinimTagger *minim_open(const char *path,
                        uint32_t sample_rate,
                        uint32_t channels,
                        char *error,
                        size_t error_size);

/*
 Takes the next samples: `frames` times as many as there are channels, interleaved, full scale from -1 to 1.

 Returns how many windows were heard anew, or a number below 0.

 # Safety
 `tagger` came from `minim_open`; `samples` points to that many floats, or `frames` is 0.
 */
int32_t minim_push(MinimTagger *tagger,
                   const float *samples,
                   size_t frames);

/*
 `minim_push` for samples of 16 bits.

 # Safety
 As `minim_push`, of 16-bit integers.
 */
int32_t minim_push_i16(MinimTagger *tagger, const int16_t *samples, size_t frames);

/*
 Ends the song: what is shorter than a window is heard, too. Returns 0, or a number below 0.

 # Safety
 `tagger` came from `minim_open`.
 */
int32_t minim_finish(MinimTagger *tagger);

/*
 Forgets the song: the next samples begin another. Returns 0, or a number below 0.

 # Safety
 `tagger` came from `minim_open`.
 */
int32_t minim_reset(MinimTagger *tagger);

/*
 How many tags the model has; 0 for NULL.

 # Safety
 `tagger` came from `minim_open`.
 */
size_t minim_tag_count(MinimTagger *tagger);

/*
 The name of a tag, in UTF-8, as long as the handle is open; NULL beyond the last one.

 # Safety
 `tagger` came from `minim_open`.
 */
const char *minim_tag_name(MinimTagger *tagger, size_t tag);

/*
 How many windows of the song were heard.

 # Safety
 `tagger` came from `minim_open`.
 */
size_t minim_windows(MinimTagger *tagger);

/*
 Writes the mean probability of each tag over the song so far into `means`, `count` of them, in the order of their
 names. Returns how many windows they are over, where 0 writes nothing, or a number below 0.

 # Safety
 `tagger` came from `minim_open`; `means` points to room for `count` floats.
 */
int32_t minim_tags(MinimTagger *tagger,
                   float *means,
                   size_t count);

/*
 As `minim_tags`, the probabilities of the last window alone.

 # Safety
 As `minim_tags`.
 */
int32_t minim_last(MinimTagger *tagger, float *last, size_t count);

/*
 Why the last call failed; an empty text where none did. It lives until the next call.

 # Safety
 `tagger` came from `minim_open`.
 */
const char *minim_error(MinimTagger *tagger);

/*
 Closes a handle; NULL is nothing to close.

 # Safety
 `tagger` came from `minim_open` and is not used again.
 */
void minim_close(MinimTagger *tagger);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MINIM_H */
