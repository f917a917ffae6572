//! Label matrices in NumPy's format, version 1 to 3: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::path::Path;

use crate::corpus::CorpusError;

/// A matrix of yes and no, `[rows, columns]`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BoolMatrix {
    pub rows: usize,
    pub columns: usize,
    /// Row after row.
    pub values: Vec<bool>,
}

/// Reads a matrix of booleans or 8-bit integers in the order of C.
pub(super) fn read(path: &Path) -> Result<BoolMatrix, CorpusError> {
    let bytes = std::fs::read(path).map_err(|source| CorpusError::Read { path: path.into(), source })?;
    parse(&bytes).map_err(|reason| CorpusError::Line { path: path.into(), line: 1, reason: reason.into() })
}

fn parse(bytes: &[u8]) -> Result<BoolMatrix, &'static str> {
    let not_npy = "not a NumPy array (.npy)";
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or(not_npy)?;
    let (version, rest) = rest.split_at_checked(2).ok_or(not_npy)?;
    let (length, rest) = if version[0] == 1 {
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(not_npy)?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(not_npy)?;
        (u32::from_le_bytes(*length) as usize, rest)
    };
    let (header, data) = rest.split_at_checked(length).ok_or(not_npy)?;
    let header = std::str::from_utf8(header).map_err(|_| not_npy)?;
    if !["'|b1'", "'|u1'", "'|i1'"].iter().any(|kind| header.contains(kind)) {
        return Err("an array of another type than bool, uint8 or int8");
    }
    if header.contains("'fortran_order': True") {
        return Err("an array in Fortran's order");
    }
    let shape = header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')')).ok_or(not_npy)?.0;
    let mut sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty()).map(str::parse::<usize>);
    let (Some(Ok(rows)), Some(Ok(columns)), None) = (sizes.next(), sizes.next(), sizes.next()) else {
        return Err("an array with another number of axes than two");
    };
    if rows.checked_mul(columns) != Some(data.len()) {
        return Err("an array with more or fewer values than its shape says");
    }
    Ok(BoolMatrix { rows, columns, values: data.iter().map(|&value| value != 0).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn matrices_are_read_and_others_refused() {
        let header = "{'descr': '|b1', 'fortran_order': False, 'shape': (2, 3), }\n";
        let read = parse(&array(header, &[0, 1, 0, 1, 1, 0])).unwrap();
        assert_eq!((read.rows, read.columns), (2, 3));
        assert_eq!(read.values, [false, true, false, true, true, false]);
        for (header, data) in [
            (header, &[0u8; 5][..]),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", &[0; 6]),
            ("{'descr': '|b1', 'fortran_order': True, 'shape': (2, 3), }", &[0; 6]),
            ("{'descr': '|b1', 'fortran_order': False, 'shape': (6,), }", &[0; 6]),
            ("", &[]),
        ] {
            assert!(parse(&array(header, data)).is_err(), "{header}");
        }
        assert!(parse(b"").is_err() && parse(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{").is_err());
    }
}
