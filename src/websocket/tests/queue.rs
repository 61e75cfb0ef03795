//! Messages that wait to be sent.

use super::*;
use crate::websocket::{MessageQueue, Outbox, Part, QueueError, QueueSlot};

fn queue(slots: usize, bytes: usize) -> MessageQueue<'static> {
    let slots: Vec<_> = (0..slots).map(|_| QueueSlot::EMPTY).collect();
    MessageQueue::new(slots.leak(), memory(bytes))
}

#[test]
fn messages_come_out_in_order_and_whole_around_the_end_of_the_memory() {
    let mut queue = queue(4, 10);
    for round in 0..50_u8 {
        let kind = if round % 2 == 0 {
            Kind::Text
        } else {
            Kind::Binary
        };
        let length = usize::from(round % 5);
        let bytes = std::vec![b'a' + round % 26; length];
        let is_last = round % 3 == 0;
        let (one, two) = bytes.split_at(length / 2);
        queue
            .push_pieces(kind, &[one, two], is_last)
            .expect("an empty queue has room");
        let part = queue.front().expect("it was pushed");
        assert_eq!(
            part,
            Part {
                kind,
                bytes: &bytes,
                is_last
            }
        );
        queue.pop();
        assert!(queue.is_empty() && queue.front().is_none());
    }
}

#[test]
fn a_queue_is_full_of_bytes_or_of_messages() {
    let mut small = queue(4, 10);
    assert_eq!(small.push(Part::binary(&[0; 11])), Err(QueueError::TooLong));
    assert_eq!(small.push(Part::binary(&[0; 6])), Ok(()));
    assert_eq!(small.push(Part::binary(&[0; 5])), Err(QueueError::Full));
    assert_eq!(small.push(Part::binary(&[0; 4])), Ok(()));
    small.clear();
    assert!(small.is_empty());
    let mut few = queue(2, 100);
    assert_eq!(few.push(Part::text("")), Ok(()));
    assert_eq!(few.push(Part::text("a")), Ok(()));
    assert_eq!(few.push(Part::text("b")), Err(QueueError::Full));
    assert_eq!(few.front(), Some(Part::text("")));
    few.pop();
    assert_eq!(few.front(), Some(Part::text("a")));
}
