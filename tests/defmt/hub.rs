//! The public types of the hub.

const fn has_format<T: defmt::Format>() {}

#[cfg(feature = "hub")]
const _: () = {
    use tickwire::hub::*;

    has_format::<Entry<'_>>();
    has_format::<Hub<'_>>();
    has_format::<JoinError>();
    has_format::<Lapped>();
    has_format::<Limits>();
    has_format::<LinesSession<'_, '_>>();
    has_format::<MemberId>();
    has_format::<MemberSlot>();
    has_format::<MoveError>();
    has_format::<Name>();
    has_format::<PostError>();
    has_format::<RenameError>();
    has_format::<RoomSlot>();
    has_format::<SessionError>();
    has_format::<Wants>();
};

#[cfg(feature = "socketio")]
const _: () = {
    use tickwire::hub::socketio::{self, *};
    use tickwire::hub::{HubHandler, TextMember, WebMember};

    has_format::<Body<'_>>();
    has_format::<Engine<'_>>();
    has_format::<socketio::Event>();
    has_format::<Json<'_>>();
    has_format::<JsonError>();
    has_format::<Packet<'_>>();
    has_format::<PacketError>();
    has_format::<SocketIo<'_, '_>>();
    has_format::<HubHandler<'_, '_>>();
    has_format::<TextMember<'_, '_>>();
    has_format::<WebMember<'_, '_>>();
};
