//! Requests: a line of a file each, `name | statuses | words of the answer | request`.
//!
//! In the last column `\r`, `\n`, `\0`, `\t`, `\\` and `\xff` are bytes, and `{text*100}` is the text a hundred times over.

use std::path::Path;

use super::case::Case;

/// Targets that are refused by what they are.
pub fn refused() -> Vec<Case> {
    let lines = read("refused.txt");
    lines
        .map(|[name, statuses, says, target]| get(&name, &target, &statuses, &says))
        .collect()
}

/// Targets that are well formed, and strange. The upstream has nothing of the kind.
pub fn odd() -> Vec<Case> {
    let lines = read("odd.txt");
    lines
        .map(|[name, statuses, says, target]| get(&name, &target, &statuses, &says))
        .collect()
}

/// Whole requests, as they come over the wire.
pub fn raw() -> Vec<Case> {
    let lines = read("raw.txt");
    lines
        .map(|[name, statuses, says, request]| Case::raw(&name, decode(&request), &statuses, &says))
        .collect()
}

fn get(name: &str, target: &str, statuses: &str, says: &str) -> Case {
    let request = [
        b"GET ".as_slice(),
        &decode(target),
        b" HTTP/1.1\r\nHost: granary\r\nConnection: close\r\n\r\n",
    ];
    Case::raw(name, request.concat(), statuses, says)
}

fn read(name: &str) -> impl Iterator<Item = [String; 4]> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/corpus");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let is_case = |line: &String| !line.is_empty() && !line.starts_with('#');
    lines.into_iter().filter(is_case).map(|line| {
        let parts: Vec<String> = line.splitn(4, " | ").map(str::to_owned).collect();
        let parts = parts.try_into();
        parts.unwrap_or_else(|_| panic!("not four columns: {line}"))
    })
}

fn decode(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let repeated = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let repeated = repeated.and_then(|(inside, after)| {
            let (piece, times) = inside.rsplit_once('*')?;
            Some((decode(piece).repeat(times.parse().ok()?), after))
        });
        if let Some((piece, after)) = repeated {
            bytes.extend(piece);
            rest = after;
            continue;
        }
        rest = &rest[first.len_utf8()..];
        if first != '\\' {
            bytes.extend(first.to_string().bytes());
            continue;
        }
        let code = rest.chars().next().unwrap();
        rest = &rest[1..];
        bytes.push(match code {
            'r' => b'\r',
            'n' => b'\n',
            't' => b'\t',
            '0' => 0,
            'x' => {
                let byte = u8::from_str_radix(&rest[..2], 16).unwrap();
                rest = &rest[2..];
                byte
            }
            other => other as u8,
        });
    }
    bytes
}
