//! CRC-32 (IEEE 802.3, reflected, polynomial 0xEDB88320), as zip, PNG and Ethernet have it.

/// Remainders of the 16 values of half a byte: 64 bytes instead of the usual kilobyte.
const NIBBLES: [u32; 16] = {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 16 {
        let mut remainder = i as u32;
        let mut bit = 0;
        while bit < 4 {
            remainder = if remainder & 1 == 1 { remainder >> 1 ^ 0xedb8_8320 } else { remainder >> 1 };
            bit += 1;
        }
        table[i] = remainder;
        i += 1;
    }
    table
};

/// A checksum in the making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crc32(u32);

impl Crc32 {
    pub(crate) const fn new() -> Self {
        Self(!0)
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 ^= u32::from(byte);
            for _ in 0..2 {
                self.0 = self.0 >> 4 ^ NIBBLES[(self.0 & 15) as usize];
            }
        }
    }

    pub(crate) const fn finish(self) -> u32 {
        !self.0
    }
}

/// The checksum of `bytes`.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(bytes);
    crc.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_usual_crc() {
        // The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        let mut crc = Crc32::new();
        b"123456789".chunks(4).for_each(|piece| crc.update(piece));
        assert_eq!(crc.finish(), 0xcbf4_3926);
    }
}
