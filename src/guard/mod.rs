//! A device wrapper that keeps smoltcp's TCP from getting stuck.
