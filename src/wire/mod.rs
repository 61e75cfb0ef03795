//! A virtual Ethernet with seeded faults.
