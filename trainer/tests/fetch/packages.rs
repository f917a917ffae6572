//! Tiny Debian packages, and the list of what is in them.

use sha2::{Digest, Sha256};
use std::io::{Cursor, Write};
use trainer::fetch::List;

/// Bytes that stand for music: as many as `bytes`, different for every name, and not compressible.
pub fn music(name: &str, bytes: usize) -> Vec<u8> {
    let mut state = Sha256::digest(name.as_bytes());
    let mut out = Vec::new();
    while out.len() < bytes {
        out.extend_from_slice(&state);
        state = Sha256::digest(state);
    }
    out.truncate(bytes);
    out
}

pub fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A package with these files, its data compressed as the ending says.
pub fn deb(ending: &str, files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        // As bytes: the crate itself refuses "..", an evil package does not.
        let name = format!("./{path}");
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, content.as_slice()).unwrap();
    }
    let tar = tar.into_inner().unwrap();
    let data = match ending {
        ".xz" => {
            let mut out =
                lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(3)).unwrap();
            out.write_all(&tar).unwrap();
            out.finish().unwrap()
        }
        ".zst" => {
            ruzstd::encoding::compress_to_vec(tar.as_slice(), ruzstd::encoding::CompressionLevel::Fastest)
        }
        ".gz" => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(&tar).unwrap();
            out.finish().unwrap()
        }
        _ => tar,
    };
    let mut ar = ar::Builder::new(Vec::new());
    for (name, content) in [("debian-binary", b"2.0\n".to_vec()), ("control.tar.gz", vec![0; 10])] {
        ar.append(&ar::Header::new(name.into(), content.len() as u64), content.as_slice()).unwrap();
    }
    ar.append(&ar::Header::new(format!("data.tar{ending}").into(), data.len() as u64), data.as_slice())
        .unwrap();
    ar.into_inner().unwrap()
}

pub fn zip(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Gathers the two CSVs of a list.
#[derive(Default)]
pub struct Lists {
    packages: String,
    tracks: String,
}

impl Lists {
    pub fn package(&mut self, name: &str, deb: &[u8]) -> &mut Self {
        self.packages += &format!("{name},1.0,all,pool/{name}_1.0_all.deb,{},{}\n", deb.len(), sum(deb));
        self
    }

    pub fn track(&mut self, package: &str, path: &str, content: &[u8]) -> &mut Self {
        let (sum, bytes) = (sum(content), content.len());
        self.tracks += &format!(
            "{package},{path},{sum},{bytes},30.5,family of {package},train,CC0,files,\"Ann, and Bo\",tag,A | b\n"
        );
        self
    }

    pub fn list(&self) -> List {
        let packages = format!("package,version,architecture,pool,bytes,sha256\n{}", self.packages);
        let tracks = format!(
            "package,path,sha256,bytes,seconds,family,split,licence,licence_from,artist,artist_from,title\n{}",
            self.tracks
        );
        List::parse("test", &packages, &tracks).unwrap()
    }
}
