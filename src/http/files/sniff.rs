//! What an upload is, by its content alone: an allow-list, and the name under which it is handed out.
//!
//! Programs and scripts are refused, and so is what browsers would run: HTML, SVG, XML. Other text is plain text.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use infer::MatcherType;

use super::zip;

/// Bytes from the start by which a type is told.
const HEAD_BYTES: u64 = 8 * 1024;
/// Longest name without its extension, in characters.
const MAX_STEM_CHARS: usize = 100;
/// Bytes looked at in one go when a whole file has to be text.
const CHUNK_BYTES: usize = 64 * 1024;

/// What an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Its content type.
    pub(super) content_type: &'static str,
    /// The extension of that type.
    pub(super) extension: &'static str,
    /// Whether browsers show it in place, once it is encoded afresh.
    pub(super) picture: Option<Picture>,
}

/// The images that are shown in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Picture {
    Png,
    Jpeg,
    Webp,
    Gif,
}

impl Kind {
    const fn plain(content_type: &'static str, extension: &'static str) -> Self {
        Self {
            content_type,
            extension,
            picture: None,
        }
    }
}

/// Text that people exchange; the extension is all that tells it apart, and it runs nowhere.
const TEXTS: [&str; 4] = ["txt", "csv", "md", "log"];

/// Looks at a whole upload; `None` for what is not on the list.
///
/// # Errors
/// What reading says.
pub(super) fn kind(file: &mut File) -> io::Result<Option<Kind>> {
    let head = head(file)?;
    if head.starts_with(b"#!") {
        return Ok(None);
    }
    let Some(found) = infer::get(&head) else {
        return Ok(is_text(file)?.then_some(Kind::plain("text/plain", "txt")));
    };
    let (content_type, extension) = (found.mime_type(), found.extension());
    let plain = Some(Kind::plain(content_type, extension));
    Ok(match found.matcher_type() {
        MatcherType::Image => Some(Kind {
            content_type,
            extension,
            picture: picture(extension),
        }),
        MatcherType::Audio | MatcherType::Video => plain,
        MatcherType::Doc | MatcherType::Book | MatcherType::Archive => match extension {
            "zip" | "docx" | "xlsx" | "pptx" | "odt" | "ods" | "odp" | "epub" => {
                zip::kind(file, &head)?.map(|(mime, ending)| Kind::plain(mime, ending))
            }
            "doc" | "xls" | "ppt" | "pdf" | "rtf" | "tar" | "rar" | "gz" | "bz2" | "7z" | "xz"
            | "zst" => plain,
            _ => None,
        },
        MatcherType::App | MatcherType::Font | MatcherType::Text | MatcherType::Custom => None,
    })
}

fn picture(extension: &str) -> Option<Picture> {
    match extension {
        "png" => Some(Picture::Png),
        "jpg" => Some(Picture::Jpeg),
        "webp" => Some(Picture::Webp),
        "gif" => Some(Picture::Gif),
        _ => None,
    }
}

fn head(file: &mut File) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

/// Whether all of it is text in some encoding that agrees with ASCII: no control characters but those of lines.
fn is_text(file: &mut File) -> io::Result<bool> {
    let is_plain = |b: &u8| *b >= 0x20 && *b != 0x7f || b"\t\r\n\x0c".contains(b);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut has_any = false;
    file.seek(SeekFrom::Start(0))?;
    loop {
        let read = file.read(&mut chunk)?;
        let bytes = chunk.get(..read).unwrap_or_default();
        if read == 0 {
            return Ok(has_any);
        }
        has_any = true;
        if !bytes.iter().all(is_plain) {
            return Ok(false);
        }
    }
}

/// The name under which an upload is handed out: cleaned, cut, with the extension of what it is.
pub(super) fn name(given: &str, kind: &Kind) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let cleaned: String = last
        .chars()
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .map(|c| if "<>:\"|?*%#;".contains(c) { '_' } else { c })
        .collect();
    let (stem, extension) = split(&cleaned);
    let is_text = kind.extension == "txt";
    let extension = match extension.to_ascii_lowercase() {
        own if is_text && TEXTS.contains(&own.as_str()) => own,
        own if kind.extension == "jpg" && own == "jpeg" => own,
        _ => kind.extension.to_owned(),
    };
    let is_edge = |c: char| c == '.' || c.is_whitespace();
    let stem: String = stem
        .trim_matches(is_edge)
        .chars()
        .take(MAX_STEM_CHARS)
        .collect();
    let stem = stem.trim_end_matches(is_edge);
    let stem = if stem.is_empty() { "file" } else { stem };
    format!("{stem}.{extension}")
}

fn split(name: &str) -> (&str, &str) {
    match name.rsplit_once('.') {
        Some((stem, extension))
            if (1..=8).contains(&extension.len())
                && extension.bytes().all(|b| b.is_ascii_alphanumeric()) =>
        {
            (stem, extension)
        }
        _ => (name, ""),
    }
}

/// Characters that turn the direction of a text or are not seen: names that look like others are made of them.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn sniffed(bytes: &[u8]) -> Option<&'static str> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        kind(&mut file).unwrap().map(|kind| kind.content_type)
    }

    #[test]
    fn what_is_not_on_the_list_is_refused() {
        let refused: [&[u8]; 14] = [
            b"",
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0",
            b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0",
            b"\xcf\xfa\xed\xfe\x07\0\0\x01",
            b"\xca\xfe\xba\xbe\0\0\0\x34",
            b"\0asm\x01\0\0\0",
            b"dex\n035\0",
            b"#!/bin/sh\necho hi\n",
            b"<!DOCTYPE html><html></html>",
            b"  \n<script>alert(1)</script>",
            b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            b"text with \0 in it",
            b"CWS\x08swf",
            b"PK\x03\x04 no archive at all",
        ];
        for bytes in refused {
            assert_eq!(sniffed(bytes), None, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn common_types_are_known_by_their_content() {
        let cases: [(&[u8], &str); 6] = [
            (b"%PDF-1.7\n", "application/pdf"),
            (b"Hello,\r\n\tworld \xc3\xa4", "text/plain"),
            (b"caf\xe9;1;2", "text/plain"),
            (b"GIF89a\x01\0\x01\0", "image/gif"),
            (b"\x1f\x8b\x08\0", "application/gzip"),
            (b"ID3\x03\0\0", "audio/mpeg"),
        ];
        for (bytes, content_type) in cases {
            assert_eq!(sniffed(bytes), Some(content_type));
        }
    }

    #[test]
    fn a_name_is_cleaned_and_ends_as_what_it_is() {
        let text = Kind::plain("text/plain", "txt");
        let png = Kind::plain("image/png", "png");
        let long = "x".repeat(300);
        let cases = [
            ("photo.PNG", &png, "photo.png"),
            ("photo.exe", &png, "photo.png"),
            ("../../etc/passwd", &text, "passwd.txt"),
            ("C:\\temp\\evil.js", &text, "evil.txt"),
            ("data.csv", &text, "data.csv"),
            ("gnp\u{202e}cod.txt", &text, "gnpcod.txt"),
            ("a\r\nb: c\".md", &text, "ab_ c_.md"),
            ("...", &text, "file.txt"),
            ("", &png, "file.png"),
            ("Über uns. ", &png, "Über uns.png"),
        ];
        for (given, kind, expected) in cases {
            assert_eq!(name(given, kind), expected, "{given:?}");
        }
        assert_eq!(name(&long, &png).len(), MAX_STEM_CHARS + 4);
    }
}
