//! Records encoded, decoded and damaged.

use super::*;

const LAYOUT_CRC: u32 = 0x5EED;

fn longest_state() -> State {
    let mut name = StoredName::new();
    while name.push('n').is_ok() {}
    State {
        image: Some(Image {
            slot: Slot::B,
            length: 77,
            checksum: Checksum::Sha256([0xA5; 32]),
            name,
        }),
        partial: Some(partial(Identity::Tag(
            Tag::from_slice(&[0x5A; TAG_LEN_MAX]).expect("fits"),
        ))),
    }
}

fn partial(identity: Identity) -> Partial {
    Partial {
        identity,
        length: 99,
        held: 64,
    }
}

#[test]
fn a_decoded_record_equals_the_encoded_one() {
    let mut buffer = [0; STATE_BYTES_MAX];
    let state = longest_state();
    let used = encode_state(&mut buffer, LAYOUT_CRC, 7, &state).expect("fits");
    assert_eq!(
        used, STATE_BYTES_MAX,
        "the longest state is the longest record"
    );
    assert_eq!(length(&buffer), Some(used));
    assert_eq!(
        decode(&buffer, LAYOUT_CRC),
        Some((7, Record::State(state.clone())))
    );

    let state = State {
        partial: Some(partial(Identity::Digest([0x5A; 32]))),
        ..state
    };
    let used = encode_state(&mut buffer, LAYOUT_CRC, 7, &state).expect("fits");
    assert_eq!(
        decode(&buffer[..used], LAYOUT_CRC),
        Some((7, Record::State(state)))
    );

    let plain = State {
        image: Some(Image {
            slot: Slot::A,
            length: 0,
            checksum: Checksum::Crc32(0x1234_5678),
            name: StoredName::new(),
        }),
        partial: None,
    };
    let used = encode_state(&mut buffer, LAYOUT_CRC, 8, &plain).expect("fits");
    assert_eq!(
        decode(&buffer[..used], LAYOUT_CRC),
        Some((8, Record::State(plain)))
    );

    let used = encode_progress(&mut buffer, LAYOUT_CRC, 9, 4096).expect("fits");
    assert_eq!(used, PROGRESS_BYTES);
    assert_eq!(
        decode(&buffer[..used], LAYOUT_CRC),
        Some((9, Record::Progress(4096)))
    );
}

#[test]
fn a_flipped_bit_a_lost_byte_or_another_layout_makes_a_record_invalid() {
    let mut buffer = [0; STATE_BYTES_MAX];
    encode_state(&mut buffer, LAYOUT_CRC, 7, &longest_state()).expect("fits");
    for bit in 0..buffer.len() * 8 {
        buffer[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(decode(&buffer, LAYOUT_CRC), None, "bit {bit}");
        buffer[bit / 8] ^= 1 << (bit % 8);
    }
    for length in 0..buffer.len() {
        assert_eq!(
            decode(&buffer[..length], LAYOUT_CRC),
            None,
            "cut at {length}"
        );
    }
    assert_eq!(decode(&buffer, LAYOUT_CRC + 1), None);
    assert_eq!(length(&[0xFF; HEADER_BYTES]), None);
}

#[test]
fn a_buffer_that_is_too_short_is_refused() {
    let mut buffer = [0; STATE_BYTES_MAX];
    for room in 0..STATE_BYTES_MAX {
        let encoded = encode_state(&mut buffer[..room], LAYOUT_CRC, 1, &longest_state());
        assert_eq!(encoded, None);
    }
}
