//! What the host does for the program: its command line, a file, the exit code.

use cortex_m_semihosting::{nr, syscall, syscall1};
use heapless::String;

/// Why the program gives up.
pub struct Failure(pub &'static str);

impl Failure {
    pub const fn new(reason: &'static str) -> Self {
        Self(reason)
    }
}

/// Most bytes of the command line.
const COMMAND_LINE: usize = 512;

/// The program's first argument.
#[inline(never)]
pub fn argument() -> Result<String<COMMAND_LINE>, Failure> {
    let mut bytes = [0u8; COMMAND_LINE];
    let mut block = [bytes.as_mut_ptr() as usize, bytes.len()];
    // SAFETY: the host writes no more than so many bytes there, and their number into the block.
    let failed = unsafe { syscall1(nr::GET_CMDLINE, block.as_mut_ptr() as usize) } != 0;
    let line = bytes.get(..block[1]).and_then(|line| core::str::from_utf8(line).ok());
    let line = line.filter(|_| !failed).ok_or(Failure::new("no command line from the host"))?;
    let argument = line.split_once(' ').map_or("", |(_, argument)| argument.trim_end_matches('\0'));
    if argument.is_empty() {
        return Err(Failure::new("no WAV file on the command line"));
    }
    String::try_from(argument).map_err(|_| Failure::new("the command line is too long"))
}

/// A file on the host, to be read from the beginning.
pub struct File(usize);

impl File {
    pub fn open(path: &str) -> Result<Self, Failure> {
        let mut name: String<{ COMMAND_LINE + 1 }> = String::new();
        let fits = name.push_str(path).and_then(|()| name.push('\0'));
        fits.map_err(|_| Failure::new("the file's name is too long"))?;
        const READ_BINARY: usize = 1;
        // SAFETY: the name has its length and a zero behind it.
        let handle = unsafe { syscall!(OPEN, name.as_ptr(), READ_BINARY, path.len()) };
        if handle == usize::MAX { Err(Failure::new("the file cannot be opened")) } else { Ok(Self(handle)) }
    }

    /// Reads up to so many bytes; fewer only at the end.
    pub fn read(&mut self, bytes: &mut [u8]) -> usize {
        // SAFETY: the host writes no more than so many bytes there.
        let missing = unsafe { syscall!(READ, self.0, bytes.as_mut_ptr(), bytes.len()) };
        bytes.len() - missing.min(bytes.len())
    }

    /// Reads up to so many 16-bit samples, lowest byte first, as this processor has them.
    pub fn read_samples(&mut self, samples: &mut [i16]) -> usize {
        // SAFETY: the bytes of the samples, and any bytes make samples.
        let bytes =
            unsafe { core::slice::from_raw_parts_mut(samples.as_mut_ptr().cast::<u8>(), 2 * samples.len()) };
        self.read(bytes) / 2
    }
}

/// Ends QEMU, with exit code 0 or 1.
pub fn exit(well: bool) -> ! {
    const APPLICATION_EXIT: usize = 0x2_0026;
    const EXIT_EXTENDED: usize = 0x20;
    let block = [APPLICATION_EXIT, usize::from(!well)];
    loop {
        // SAFETY: the block is what the call takes.
        unsafe { syscall1(EXIT_EXTENDED, block.as_ptr() as usize) };
    }
}
