//! What begins a file transfer, and what answers it: the same at every split, and as the specification says.

use tickwire::file::{
    Announced, LENGTH_MAX, NAME_LEN_MAX, Offer, OfferError, OfferParser, Reply, ReplyParser,
    SendError, clean, numbered,
};

use crate::pieces::Cuts;

/// The bytes of a sender, or of a receiver, and the cuts.
pub fn run(data: &[u8]) {
    let Some((bytes, cuts)) = Cuts::split_off(data) else {
        return;
    };
    let whole = read_offer([bytes].into_iter());
    assert_eq!(
        whole,
        read_offer(cuts.pieces(bytes)),
        "the cuts changed the result"
    );
    assert_eq!(whole, specified_offer(bytes));
    if let Ok(Some((_, Some(offered)))) = &whole {
        check_name(&offered.name);
    }
    if let Ok(name) = str::from_utf8(bytes) {
        check_name(name);
    }
    let whole = read_replies([bytes].into_iter());
    assert_eq!(
        whole,
        read_replies(cuts.pieces(bytes)),
        "the cuts changed the result"
    );
    assert_eq!(whole, specified_replies(bytes));
}

#[derive(Debug, PartialEq, Eq)]
struct Offered {
    name: String,
    digest: [u8; 32],
}

/// Where the announcement ends and the length it says; with what else an offer has. None when it is not whole.
type Read = Result<Option<((usize, u64), Option<Offered>)>, OfferError>;

fn read_offer<'d>(pieces: impl Iterator<Item = &'d [u8]>) -> Read {
    let mut parser = OfferParser::new();
    let mut at = 0;
    for piece in pieces {
        let taken = match parser.feed(piece) {
            Ok(taken) => taken,
            Err(how) => {
                assert_eq!(parser.feed(b"x"), Err(how), "an error is final");
                return Err(how);
            }
        };
        at += taken;
        match parser.announced() {
            None => assert_eq!(taken, piece.len()),
            Some(Announced::Plain { length }) => return Ok(Some(((at, length), None))),
            Some(Announced::Checked(offer)) => {
                let mut again = vec![0; at + 1];
                assert_eq!(
                    offer.write_from(0, &mut again),
                    at,
                    "an offer is written as it was read"
                );
                let offered = Offered {
                    name: offer.name().to_owned(),
                    digest: *offer.digest(),
                };
                let offer = Offer::new(offer.name(), offer.length(), offer.digest());
                let length = offer.expect("what was read can be offered").length();
                return Ok(Some(((at, length), Some(offered))));
            }
        }
    }
    Ok(None)
}

/// `docs/wire.md`, word by word. An error is that of the first field that is whole and wrong.
fn specified_offer(bytes: &[u8]) -> Read {
    let mut rest = bytes;
    let mut field = |len: usize| {
        let (field, behind) = rest.split_at_checked(len)?;
        rest = behind;
        Some(field)
    };
    let number = |field: &[u8]| {
        let digits = field.iter().rev();
        digits.fold(0, |number, &byte| number << 8 | u64::from(byte))
    };
    let Some(word) = field(4) else {
        return Ok(None);
    };
    if word[3] < 0x80 {
        return Ok(Some(((4, number(word)), None)));
    }
    if word != b"\x54\x57\x46\x81" {
        return Err(OfferError::Magic);
    }
    for right in [1, 0] {
        match field(1) {
            Some(&[byte]) if byte == right => {}
            Some(_) => return Err(OfferError::Version),
            None => return Ok(None),
        }
    }
    let Some(name_len) = field(2).map(number) else {
        return Ok(None);
    };
    if !(1..=255).contains(&name_len) {
        return Err(OfferError::Name);
    }
    let Some(length) = field(8).map(number) else {
        return Ok(None);
    };
    if length > LENGTH_MAX {
        return Err(OfferError::Length);
    }
    let (Some(digest), Some(name)) = (field(32), field(name_len as usize)) else {
        return Ok(None);
    };
    let name = str::from_utf8(name).map_err(|_| OfferError::Name)?;
    let offered = Offered {
        name: name.to_owned(),
        digest: digest.try_into().expect("32 bytes were taken"),
    };
    Ok(Some(((48 + name.len(), length), Some(offered))))
}

fn read_replies<'d>(pieces: impl Iterator<Item = &'d [u8]>) -> (Vec<Reply>, Result<(), SendError>) {
    let mut parser = ReplyParser::new();
    let mut replies = Vec::new();
    for mut piece in pieces {
        while !piece.is_empty() {
            match parser.feed(piece) {
                Ok((taken, reply)) => {
                    assert!(taken > 0);
                    piece = &piece[taken..];
                    replies.extend(reply);
                }
                Err(error) => return (replies, Err(error)),
            }
        }
    }
    (replies, Ok(()))
}

fn specified_replies(bytes: &[u8]) -> (Vec<Reply>, Result<(), SendError>) {
    let mut replies = Vec::new();
    for reply in bytes.chunks(16) {
        let begins = |magic: &[u8]| reply.iter().zip(magic).all(|(have, want)| have == want);
        let is_answer = begins(b"\x54\x57\x41\x81");
        if !is_answer && !begins(b"\x54\x57\x52\x81") {
            return (replies, Err(SendError::BadReply));
        }
        let Some((front, count)) = reply
            .split_last_chunk()
            .filter(|(front, _)| front.len() == 8)
        else {
            break;
        };
        let (status, count) = (tickwire::file::Status(front[4]), u64::from_le_bytes(*count));
        replies.push(if is_answer {
            Reply::Answer(tickwire::file::Answer {
                status,
                offset: count,
            })
        } else {
            Reply::Receipt(tickwire::file::Receipt {
                status,
                stored: count,
            })
        });
    }
    (replies, Ok(()))
}

/// A cleaned name names a file in this folder and nothing else.
fn check_name(name: &str) {
    let cleaned = clean(name);
    let is_safe = |name: &str| {
        let ends = [Some('.'), Some(' ')];
        !name.is_empty()
            && name.len() <= NAME_LEN_MAX
            && !name.starts_with('.')
            && !ends.contains(&name.chars().next_back())
            && !name.contains(|it: char| it.is_control() || matches!(it, '/' | '\\'))
    };
    assert!(is_safe(&cleaned), "{name:?} became {cleaned:?}");
    assert_eq!(clean(&cleaned), cleaned, "cleaning is done once");
    // One of them may be the name itself, when it is as long as it may be and has a number already.
    let others = [1, 2, u32::MAX].map(|number| numbered(&cleaned, number));
    assert!(
        others.iter().all(|other| is_safe(other)),
        "{cleaned:?} became {others:?}"
    );
    assert!(others[0] != others[1] && others[1] != others[2] && others[0] != others[2]);
}
