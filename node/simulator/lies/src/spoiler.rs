//! A replica that gives nobody a whole copy of a batch: the texts that it sends with one are not all of the batch's.

use quorate_ledger::{BatchTexts, Text, TextItem};

use crate::Stage;

/// What it sends in the place of a batch's texts: too few, too many, others, or one withheld that nobody erased.
pub fn spoiled(stage: &mut impl Stage, texts: &BatchTexts) -> BatchTexts {
    let mut items = texts.items().to_vec();
    match (stage.random().between(0, 3), items.pop()) {
        (0, Some(_)) => {}
        (1, Some(last)) => items.push(TextItem::Withheld { leaf: last.leaf() }),
        (2, Some(TextItem::Shown(last))) => items.push(TextItem::Shown(other_than(last))),
        (_, last) => {
            let one_more = Text {
                salt: [7; 16],
                text: b"one more".to_vec(),
            };
            items.extend(last);
            items.push(TextItem::Shown(one_more));
        }
    }
    BatchTexts::new(items)
}

/// Another legal text under the same salt, as long as it was.
fn other_than(mut text: Text) -> Text {
    if let Some(first) = text.text.first_mut() {
        *first = if *first == b'x' { b'y' } else { b'x' };
    }
    text
}
