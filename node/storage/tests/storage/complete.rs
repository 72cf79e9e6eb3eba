//! Up to which height no text is missing: it stands on disk, and never says more than is there.

use quorate_ledger::{BatchTexts, CheckedBatch, Height, Place, TextItem};
use rocksdb::{DB, Options};

use crate::chain::{Fixture, open};
use crate::files::{crash_image, cut, last_log};
use crate::network::{Made, erase, transfer};

/// A payment with a memo.
fn noted(fixture: &mut Fixture) -> Made {
    let payment = transfer(fixture.network.address(1), "QRT", 1);
    let network = &mut fixture.network;
    network.transaction_with(0, vec![payment], &[(Place::Memo, "memo")])
}

/// A batch of one such payment with its text.
fn noted_copy(fixture: &mut Fixture) -> (CheckedBatch, Option<BatchTexts>) {
    let made = noted(fixture);
    fixture.network.copy(&[made])
}

/// Makes and writes a block whose batch came without its text; gives the batch with it.
fn lack_one(fixture: &mut Fixture) -> (CheckedBatch, BatchTexts) {
    let (batch, texts) = noted_copy(fixture);
    fixture.order(&[(batch.clone(), None)]);
    (batch, texts.unwrap())
}

/// The height that is noted, and the blocks that may lack texts.
fn state(fixture: &Fixture) -> (u64, Vec<u64>) {
    let chain = &fixture.chain;
    let heights = 1..=chain.tip().height.0;
    let lacking = heights.filter(|height| chain.may_lack_texts(Height(*height)));
    (chain.complete_texts().0, lacking.collect())
}

#[test]
fn a_block_that_came_with_its_texts_is_noted_in_its_own_write() {
    let mut fixture = Fixture::new(3);
    assert_eq!(state(&fixture), (0, vec![]));
    let copy = noted_copy(&mut fixture);
    fixture.order(&[copy]);
    // One without any place for texts, and no batch at all.
    let plain = (fixture.network.payment(0, 1), Vec::new());
    let copy = fixture.network.copy(&[plain]);
    fixture.order(&[copy]);
    fixture.order(&[]);
    assert_eq!(state(&fixture), (3, vec![]));
    let fixture = fixture.reopen();
    assert_eq!(state(&fixture), (3, vec![]));
}

#[test]
fn above_a_block_that_lacks_a_text_nothing_is_noted_until_it_comes() {
    let mut fixture = Fixture::new(3);
    fixture.order(&[]);
    let (batch, texts) = lack_one(&mut fixture);
    fixture.order(&[]);
    let copy = noted_copy(&mut fixture);
    fixture.order(&[copy]);
    assert_eq!(state(&fixture), (1, vec![2]));
    fixture.chain.note_complete_texts(Height(1)).unwrap();
    assert_eq!(state(&fixture), (1, vec![2]));

    // After a start it is not known any more which those above are.
    let mut fixture = fixture.reopen();
    assert_eq!(state(&fixture), (1, vec![2, 3, 4]));
    assert!(fixture.chain.write_texts(&batch.digest(), &texts).unwrap());
    fixture.order(&[]);
    assert_eq!(state(&fixture), (1, vec![2, 3, 4]));
    fixture.chain.note_complete_texts(Height(3)).unwrap();
    assert_eq!(state(&fixture), (3, vec![4]));
    fixture.chain.note_complete_texts(Height(4)).unwrap();
    assert_eq!(state(&fixture), (5, vec![]), "the next one came with all");
    fixture.order(&[]);
    let fixture = fixture.reopen();
    assert_eq!(state(&fixture), (6, vec![]));
    // Nobody can note what is not there.
    fixture.chain.note_complete_texts(Height(9)).unwrap();
    assert_eq!(state(&fixture), (6, vec![]));
}

#[test]
fn what_is_erased_or_skipped_is_not_missing() {
    let mut fixture = Fixture::new(3);
    let made = noted(&mut fixture);
    let hash = TextItem::Withheld {
        leaf: made.1[0].leaf(),
    };
    let (batch, _) = fixture.network.copy(std::slice::from_ref(&made));
    let hashed = BatchTexts::new(vec![hash]);
    let erasing = fixture
        .network
        .transaction(0, vec![erase(&made.0, &[Place::Memo])]);
    let erasing = fixture.network.copy(&[(erasing, Vec::new())]);
    // Of a batch that was not whole, in the block that erases what it lacks.
    let execution = fixture.order(&[(batch, Some(hashed.clone())), erasing]);
    assert_eq!(execution.transactions.len(), 2);
    assert_eq!(state(&fixture), (1, vec![]));
    // A copy of what was executed is skipped.
    let (again, _) = fixture.network.copy(std::slice::from_ref(&made));
    assert_eq!(fixture.order(&[(again, Some(hashed))]).transactions.len(), 0);
    assert_eq!(state(&fixture), (2, vec![]));
    // Not so the hash of what is executed, and not erased.
    let other = noted(&mut fixture);
    let (batch, _) = fixture.network.copy(std::slice::from_ref(&other));
    let hash = TextItem::Withheld {
        leaf: other.1[0].leaf(),
    };
    fixture.order(&[(batch, Some(BatchTexts::new(vec![hash])))]);
    assert_eq!(state(&fixture), (2, vec![3]));
}

#[test]
fn a_crash_leaves_no_note_of_what_it_took() {
    let mut fixture = Fixture::new(3);
    let (batch, texts) = lack_one(&mut fixture);
    fixture.order(&[]);
    fixture.chain.sync().unwrap();
    let (folder, id) = (fixture.folder.path(), fixture.network.id());
    assert!(fixture.chain.write_texts(&batch.digest(), &texts).unwrap());
    fixture.chain.note_complete_texts(Height(2)).unwrap();
    fixture.chain.sync().unwrap();
    let mut noted = Vec::new();
    for lost in (0..200).step_by(7) {
        let image = crash_image(folder);
        cut(&last_log(image.path()), lost);
        let chain = open(image.path(), id).unwrap();
        let (complete, tip) = (chain.complete_texts(), chain.tip().height);
        assert!(complete <= tip);
        let snapshot = chain.snapshot().unwrap();
        for height in 1..=complete.0 {
            assert_eq!(snapshot.missing_texts(Height(height)).unwrap(), [], "{lost}");
        }
        noted.push(complete.0);
    }
    assert_eq!((noted.first(), noted.last()), (Some(&2), Some(&0)), "{noted:?}");
}

#[test]
fn a_database_of_an_earlier_release_is_looked_through_once() {
    let mut fixture = Fixture::new(3);
    let copy = noted_copy(&mut fixture);
    fixture.order(&[copy]);
    fixture.order(&[]);
    let Fixture {
        network,
        chain,
        folder,
    } = fixture;
    drop(chain);
    let names = DB::list_cf(&Options::default(), folder.path()).unwrap();
    let db = DB::open_cf(&Options::default(), folder.path(), names).unwrap();
    db.delete_cf(db.cf_handle("meta").unwrap(), "texts").unwrap();
    drop(db);
    let chain = open(folder.path(), network.id()).unwrap();
    let mut fixture = Fixture {
        network,
        chain,
        folder,
    };
    assert_eq!(state(&fixture), (0, vec![1, 2]));
    fixture.order(&[]);
    assert_eq!(state(&fixture), (0, vec![1, 2]));
    fixture.chain.note_complete_texts(Height(2)).unwrap();
    let fixture = fixture.reopen();
    assert_eq!(state(&fixture), (3, vec![]));
}
