//! An image in flash, and the boot from it.

use core::task::Poll;

use board::host::{self, Line};
use sha2::{Digest, Sha256};
use tickwire::store::{Checksum, FlashStore, Layout};

use crate::exit::{self, Failure};
use crate::flash::Flash;

/// What the store needs to write records, and to read back in pieces of.
pub const SCRATCH_BYTES: usize = 1_024;

/// A store over all of the flash.
///
/// # Errors
/// The flash is too small.
pub fn store<'f, 's>(
    flash: Flash<'f>,
    scratch: &'s mut [u8; SCRATCH_BYTES],
) -> Result<FlashStore<'s, Flash<'f>>, Failure> {
    let unfit = Failure::usage("the flash is too small");
    let layout = Layout::whole(&flash).map_err(|_| unfit)?;
    FlashStore::new(flash, layout, scratch).map_err(|_| unfit)
}

/// What a boot loader does with the flash: hashes the image, and prints its length and digest.
///
/// # Errors
/// The flash cannot be read, or does not hold what was verified.
pub fn boot(flash: Flash<'_>, scratch: &mut [u8; SCRATCH_BYTES]) -> Result<(), Failure> {
    let broken = Failure::new(exit::READ, "the flash cannot be read");
    let mut store = store(flash, scratch)?;
    while match store.mount() {
        Poll::Pending => true,
        Poll::Ready(result) => result.map_err(|_| broken).map(|()| false)?,
    } {}
    let Some((length, check)) = store.image().map(|image| (image.length, image.checksum)) else {
        host::write(b"no image\n");
        return Ok(());
    };
    let mut hash = Sha256::new();
    let mut piece = [0; 256];
    let mut offset = 0;
    while offset < length {
        let count = store
            .read_image(offset, &mut piece)
            .map_err(|_| broken)?
            .min(piece.len());
        if count == 0 {
            return Err(broken);
        }
        hash.update(piece.get(..count).unwrap_or_default());
        // At most 256.
        offset += count as u32;
    }
    let found: [u8; 32] = hash.finalize().into();
    if matches!(check, Checksum::Sha256(wanted) if wanted != found) {
        return Err(Failure::new(
            exit::FAILED,
            "the flash does not hold what was verified",
        ));
    }
    let mut line = Line::new();
    line.text("image ").number(length.into());
    host::print(line.text(" sha256 ").hex_bytes(&found));
    Ok(())
}
