//! Behaviour of the wire as a whole.
