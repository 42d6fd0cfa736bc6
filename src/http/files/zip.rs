//! Archives by the list of what is in them: office documents are told from archives, programs are refused.
//!
//! Only the directory at the end is read; nothing is unpacked.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// The last record of an archive, without its comment.
const END_BYTES: usize = 22;
/// The longest comment after it.
const MAX_COMMENT_BYTES: u64 = 65_535;
/// One entry of the directory, without its texts.
const ENTRY_BYTES: usize = 46;
/// Names that only programs have, or documents that bring some.
const PROGRAMS: [&str; 4] = [
    "META-INF/MANIFEST.MF",
    "AndroidManifest.xml",
    "classes.dex",
    "Payload/",
];

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

/// Content type and extension; `None` for a program, a document with macros, or what is no whole archive.
///
/// # Errors
/// What reading says.
pub(super) fn kind(
    file: &mut File,
    head: &[u8],
) -> io::Result<Option<(&'static str, &'static str)>> {
    let Some(directory) = directory(file)? else {
        return Ok(None);
    };
    let Some(names) = names(&directory) else {
        return Ok(None);
    };
    let has = |wanted: &str| names.contains(&wanted.as_bytes());
    let is_program = names.iter().any(|name| {
        let starts = |word: &str| {
            name.to_ascii_lowercase()
                .starts_with(word.to_ascii_lowercase().as_bytes())
        };
        PROGRAMS.iter().any(|word| starts(word)) || name.ends_with(b"vbaProject.bin")
    });
    if is_program {
        return Ok(None);
    }
    let by_mimetype = |wanted: &str| {
        head.windows(wanted.len() + 8).take(64).any(|window| {
            window
                .strip_prefix(b"mimetype")
                .is_some_and(|rest| rest == wanted.as_bytes())
        })
    };
    Ok(Some(if has("word/document.xml") {
        (DOCX, "docx")
    } else if has("xl/workbook.xml") || has("xl/workbook.bin") {
        (XLSX, "xlsx")
    } else if has("ppt/presentation.xml") {
        (PPTX, "pptx")
    } else if by_mimetype("application/vnd.oasis.opendocument.text") {
        ("application/vnd.oasis.opendocument.text", "odt")
    } else if by_mimetype("application/vnd.oasis.opendocument.spreadsheet") {
        ("application/vnd.oasis.opendocument.spreadsheet", "ods")
    } else if by_mimetype("application/vnd.oasis.opendocument.presentation") {
        ("application/vnd.oasis.opendocument.presentation", "odp")
    } else if by_mimetype("application/epub+zip") {
        ("application/epub+zip", "epub")
    } else {
        ("application/zip", "zip")
    }))
}

/// The directory of the archive, if it ends with one that lies inside it.
fn directory(file: &mut File) -> io::Result<Option<Vec<u8>>> {
    let length = file.seek(SeekFrom::End(0))?;
    let from = length.saturating_sub(END_BYTES as u64 + MAX_COMMENT_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let Some(end) = tail.windows(4).rposition(|window| window == b"PK\x05\x06") else {
        return Ok(None);
    };
    let record = tail.get(end..).unwrap_or_default();
    let (Some(size), Some(start)) = (u32_at(record, 12), u32_at(record, 16)) else {
        return Ok(None);
    };
    // The directory ends where this record begins: then nothing stands before the archive or inside it unseen.
    let ends = u64::from(start) + u64::from(size);
    if ends != from + end as u64 {
        return Ok(None);
    }
    let mut directory = Vec::new();
    file.seek(SeekFrom::Start(u64::from(start)))?;
    file.take(u64::from(size)).read_to_end(&mut directory)?;
    Ok(Some(directory))
}

/// The names in a directory; `None` if it does not read to its end.
fn names(mut rest: &[u8]) -> Option<Vec<&[u8]>> {
    let mut names = Vec::new();
    while !rest.is_empty() {
        if !rest.starts_with(b"PK\x01\x02") {
            return None;
        }
        let [name, extra, comment] = [28, 30, 32].map(|at| u16_at(rest, at));
        let (name, extra, comment) = (name?, extra?, comment?);
        names.push(rest.get(ENTRY_BYTES..ENTRY_BYTES + name)?);
        rest = rest.get(ENTRY_BYTES + name + extra + comment..)?;
    }
    Some(names)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let two = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(usize::from(u16::from_le_bytes(two)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// An archive of empty, stored entries.
    fn archive(names: &[&str]) -> Vec<u8> {
        let (mut body, mut directory) = (Vec::new(), Vec::new());
        for name in names {
            let at = u32::try_from(body.len()).unwrap();
            let length = u16::try_from(name.len()).unwrap().to_le_bytes();
            body.extend_from_slice(b"PK\x03\x04");
            body.extend_from_slice(&[0; 22]);
            body.extend_from_slice(&length);
            body.extend_from_slice(&[0; 2]);
            body.extend_from_slice(name.as_bytes());
            directory.extend_from_slice(b"PK\x01\x02");
            directory.extend_from_slice(&[0; 24]);
            directory.extend_from_slice(&length);
            directory.extend_from_slice(&[0; 12]);
            directory.extend_from_slice(&at.to_le_bytes());
            directory.extend_from_slice(name.as_bytes());
        }
        let (start, size) = (body.len(), directory.len());
        body.extend_from_slice(&directory);
        body.extend_from_slice(b"PK\x05\x06");
        body.extend_from_slice(&[0; 8]);
        body.extend_from_slice(&u32::try_from(size).unwrap().to_le_bytes());
        body.extend_from_slice(&u32::try_from(start).unwrap().to_le_bytes());
        body.extend_from_slice(&[0; 2]);
        body
    }

    fn extension(bytes: &[u8]) -> Option<&'static str> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        kind(&mut file, bytes)
            .unwrap()
            .map(|(_, extension)| extension)
    }

    #[test]
    fn documents_are_told_from_archives_and_programs_are_refused() {
        let cases: [(&[&str], Option<&str>); 8] = [
            (&["a.txt"], Some("zip")),
            (&[], Some("zip")),
            (&["[Content_Types].xml", "word/document.xml"], Some("docx")),
            (&["xl/workbook.xml"], Some("xlsx")),
            (&["word/document.xml", "word/vbaProject.bin"], None),
            (&["META-INF/MANIFEST.MF", "A.class"], None),
            (&["meta-inf/manifest.mf"], None),
            (&["AndroidManifest.xml", "classes.dex"], None),
        ];
        for (names, expected) in cases {
            assert_eq!(extension(&archive(names)), expected, "{names:?}");
        }
    }

    #[test]
    fn an_archive_that_is_not_whole_is_refused() {
        let whole = archive(&["a.txt"]);
        let mut prefixed = b"MZ something else first ".to_vec();
        prefixed.extend_from_slice(&whole);

        assert_eq!(extension(&prefixed), None);
        assert_eq!(extension(&whole[..whole.len() - 30]), None);
        assert_eq!(extension(b"PK\x05\x06"), None);
        assert_eq!(extension(&[0; 100]), None);
    }
}
