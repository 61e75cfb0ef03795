//! File transfer: the offer as pure bytes, and the machines of receiver and sender.
