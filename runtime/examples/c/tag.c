/* Tags a WAV file: opens a model, hands the music over in pieces of 0.1 s, prints the likeliest tags.
 *
 *     runtime/examples/c/build.sh /tmp/tag && /tmp/tag models/k2c1-msd50-0.1m song.wav
 */
#include "minim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t little(const unsigned char *bytes, int count) {
  uint32_t value = 0;
  while (count-- > 0) value = value << 8 | bytes[count];
  return value;
}

/* Finds the samples of a WAV file of 16 bits: how many bytes there are, or 0. */
static uint32_t open_wav(FILE *file, uint32_t *rate, uint32_t *channels) {
  unsigned char head[16];
  if (fread(head, 1, 12, file) != 12 || memcmp(head, "RIFF", 4) || memcmp(head + 8, "WAVE", 4)) return 0;
  *rate = 0;
  while (fread(head, 1, 8, file) == 8) {
    uint32_t size = little(head + 4, 4);
    if (!memcmp(head, "data", 4)) return *rate ? size : 0;
    if (!memcmp(head, "fmt ", 4) && size >= 16) {
      if (fread(head, 1, 16, file) != 16 || little(head, 2) != 1 || little(head + 14, 2) != 16) return 0;
      *channels = little(head + 2, 2);
      *rate = little(head + 4, 4);
      size -= 16;
    }
    if (fseek(file, (long)size + (size & 1), SEEK_CUR)) return 0;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: tag MODEL SONG.wav\n");
    return 2;
  }
  FILE *file = fopen(argv[2], "rb");
  uint32_t rate = 0, channels = 0;
  uint32_t left = file ? open_wav(file, &rate, &channels) : 0;
  if (!left || !channels || channels > 8) {
    fprintf(stderr, "%s: no WAV file of 16 bits\n", argv[2]);
    return 1;
  }
  char error[256];
  MinimTagger *tagger = minim_open(argv[1], rate, channels, error, sizeof error);
  if (!tagger) {
    fprintf(stderr, "%s\n", error);
    return 1;
  }

  size_t frame = 2 * channels, piece = rate / 10;
  unsigned char *bytes = malloc(piece * frame);
  int16_t *samples = malloc(piece * frame);
  int result = bytes && samples ? MINIM_OK : MINIM_FAILED;
  while (result >= 0 && left >= frame) {
    size_t wanted = left / frame < piece ? left / frame : piece;
    size_t frames = fread(bytes, frame, wanted, file);
    if (!frames) break;
    for (size_t i = 0; i < frames * channels; i++) samples[i] = (int16_t)little(bytes + 2 * i, 2);
    result = minim_push_i16(tagger, samples, frames);
    left -= (uint32_t)(frames * frame);
  }
  if (result >= 0) result = minim_finish(tagger);
  if (result < 0) fprintf(stderr, "%s: %s\n", argv[2], minim_error(tagger));

  size_t count = minim_tag_count(tagger);
  float *means = calloc(count, sizeof *means);
  if (result >= 0 && means && minim_tags(tagger, means, count) > 0) {
    for (int place = 0; place < 5; place++) {
      size_t best = 0;
      for (size_t tag = 1; tag < count; tag++)
        if (means[tag] > means[best]) best = tag;
      printf("%s %.3f\n", minim_tag_name(tagger, best), means[best]);
      means[best] = -1;
    }
  }
  free(means);
  free(samples);
  free(bytes);
  fclose(file);
  minim_close(tagger);
  return result < 0;
}
