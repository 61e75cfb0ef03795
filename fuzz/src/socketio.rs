//! Socket.IO and its JSON: a packet that is taken is sound, and what is written is read again.

use tickwire::hub::socketio::{Body, Engine, Json, JsonError, Packet, escape};

/// A text frame of a client.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    check_json(text);
    check_escape(text);
    let frames = [Ok(Engine::Message(text)), Engine::parse(text)];
    for frame in frames.into_iter().flatten() {
        if let Engine::Message(text) = frame
            && let Ok(packet) = Packet::parse(text)
        {
            check_packet(text, &packet);
        }
    }
}

fn check_packet(text: &str, packet: &Packet) {
    assert!(packet.namespace.starts_with('/') && !packet.namespace.contains(','));
    assert!(packet.namespace == "/" || text.contains(packet.namespace));
    match packet.body {
        Body::Connect | Body::Disconnect => {}
        Body::Event { array, .. } => {
            let mut elements = array.elements().expect("an event is an array");
            let name = elements.next().expect("it has a name");
            let name: String = name.chars().expect("which is a string").collect();
            assert!(name != "connect" && name != "disconnect");
            elements.for_each(|element| check_json(element.as_str()));
        }
        Body::Ack { array, .. } => assert!(array.elements().is_some()),
    }
}

/// Ours takes what serde_json takes, but for what is nested deeper than we want.
fn check_json(text: &str) {
    let ours = Json::parse(text);
    let theirs = serde_json::from_str::<&serde_json::value::RawValue>(text);
    match (ours, theirs) {
        (Ok(json), Ok(_)) => check_value(&json),
        (Err(_), Err(_)) | (Err(JsonError::TooDeep), Ok(_)) => {}
        (ours, theirs) => panic!("{text:?}: {ours:?} and {theirs:?}"),
    }
}

fn check_value(json: &Json) {
    assert_eq!(Json::parse(json.as_str()), Ok(*json));
    if let Some(elements) = json.elements() {
        let theirs: Vec<&serde_json::value::RawValue> =
            serde_json::from_str(json.as_str()).expect("it is an array");
        let theirs: Vec<_> = theirs.iter().map(|element| element.get()).collect();
        let ours: Vec<_> = elements.map(|element| element.as_str()).collect();
        assert_eq!(ours, theirs);
    }
    if let Some(chars) = json.chars() {
        let ours: String = chars.collect();
        // Halves of surrogate pairs are errors there, and the replacement character here.
        if let Ok(theirs) = serde_json::from_str::<String>(json.as_str()) {
            assert_eq!(ours, theirs);
        }
    }
}

fn check_escape(text: &str) {
    let mut json = String::from("\"");
    escape(text, &mut |piece| json.push_str(piece));
    json.push('"');
    assert_eq!(
        serde_json::from_str::<String>(&json).expect("it is a string"),
        text
    );
}
