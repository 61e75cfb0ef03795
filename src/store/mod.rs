//! Storage for received files, every call pollable.
