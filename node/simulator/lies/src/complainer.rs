//! A replica that complains about every primary as soon as its view has begun, and asks for the next one again and
//! again.

use quorate_consensus::Body;
use quorate_consensus::pbft::{Body as Pbft, Claims, View, ViewChange};
use quorate_crypto::Height;

/// What it says about the primary of this view.
pub fn complaint(view: View) -> Body {
    Body::Pbft(Pbft::Complaint { view })
}

/// What it says to leave this view: that it has certified and prepared nothing.
pub fn early_view_change(view: View) -> Body {
    let claims = Claims {
        view: view.next(),
        certified: Height::GENESIS,
        prepared: Vec::new(),
    };
    Body::Pbft(Pbft::ViewChange(ViewChange {
        claims,
        certified: None,
        prepared: Vec::new(),
    }))
}
