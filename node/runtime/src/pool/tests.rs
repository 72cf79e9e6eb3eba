//! The pool by itself: what has room, what is packed, what goes.

use quorate_api::Skip;
use quorate_crypto::sha256;
use quorate_ledger::{Place, encode};

use super::*;
use crate::testing::{self, client};

/// A payment of account `seed`, which may be signed by others, with texts.
fn with_texts(seed: u8, salt: u8, expires_at: u64, signers: &[u8], texts: &[(Place, &str)]) -> Admissible {
    let parties = vec![client(seed).key().address()];
    let payment = vec![testing::payment(9, 1)];
    let (intent, texts) = testing::intent(parties, payment, salt, Timestamp(expires_at), texts);
    let id = intent.id();
    let keys: Vec<_> = signers.iter().map(|signer| client(*signer)).collect();
    let submission = Submission::new(intent.sign(&keys), texts);
    let bytes = encode(&submission);
    Admissible {
        id,
        fingerprint: sha256(&bytes),
        submission: Arc::new(submission),
        length: bytes.len(),
    }
}

pub(super) fn admissible(seed: u8, salt: u8, expires_at: u64, signers: &[u8]) -> Admissible {
    with_texts(seed, salt, expires_at, signers, &[])
}

fn load(admissible: &Admissible) -> Load {
    Load::of(&admissible.submission)
}

/// So many transactions and so many bytes.
fn limit(count: usize, bytes: usize) -> Load {
    let cost = u64::MAX;
    Load { count, bytes, cost }
}

fn pool(max_pending: usize, max_pending_per_account: usize) -> Pool {
    Pool::new(&ApiConfig {
        max_pending,
        max_pending_per_account,
        ..ApiConfig::default()
    })
}

#[test]
fn a_full_pool_and_a_full_account_are_told_apart() {
    let pool = pool(3, 2);
    let inserted = pool.insert((0..4).map(|salt| admissible(1, salt, 100, &[1])).collect());
    assert_eq!(inserted, [Ok(()), Ok(()), Err(Full::Account), Err(Full::Account)]);
    let inserted = pool.insert((0..2).map(|salt| admissible(2, salt, 100, &[2])).collect());
    assert_eq!(inserted, [Ok(()), Err(Full::Pool)]);
}

#[test]
fn two_copies_of_one_transaction_are_kept_and_no_third() {
    let pool = pool(10, 10);
    let copies = [&[1][..], &[2], &[1, 2]].map(|signers| admissible(1, 0, 100, signers));
    assert_eq!(pool.insert(copies.to_vec()), [Ok(()), Ok(()), Ok(())]);
    assert_eq!(pool.len(), 2);
    assert!(pool.is_pending(&copies[2].id));
    assert!(!pool.contains(&copies[2].fingerprint));
}

#[test]
fn pitfall_32_a_copy_with_cut_signatures_is_another_entry_of_the_same_id() {
    let pool = pool(10, 10);
    let whole = admissible(1, 0, 100, &[1, 2]);
    let cut = admissible(1, 0, 100, &[1]);
    assert_eq!(whole.id, cut.id);
    let id = whole.id;
    pool.insert(vec![cut.clone(), whole.clone()]);
    assert_eq!(pool.len(), 2);
    let unauthorised = Ended::Skipped(Skip::Unauthorised);
    // The whole one may yet be executed, so nobody is told that this was its end.
    assert_eq!(pool.skipped(&cut.fingerprint, |_| unauthorised), None);
    assert!(pool.contains(&whole.fingerprint));
    assert_eq!(pool.find(&id).map(|(_, ended)| ended), Some(None));
    pool.on_executed(std::iter::once(id));
    assert_eq!(pool.len(), 0);
}

#[test]
fn bytes_are_bounded_too() {
    let one = admissible(1, 0, 100, &[1]);
    let mut pool = pool(10, 10);
    pool.max_bytes = one.length + 1;
    let other = admissible(2, 1, 100, &[2]);
    let inserted = pool.insert(vec![one.clone(), other.clone()]);
    assert_eq!(inserted, [Ok(()), Err(Full::Pool)]);
    pool.on_executed(std::iter::once(one.id));
    assert_eq!(pool.insert(vec![other]), [Ok(())]);
}

#[test]
fn what_expires_goes_and_is_remembered() {
    let pool = pool(10, 10);
    let early = admissible(1, 0, 50, &[1]);
    let late = admissible(1, 1, 60, &[1]);
    pool.insert(vec![early.clone(), late.clone()]);
    assert_eq!(pool.take_expired(Timestamp(50)), [early.id]);
    let ended = |id| pool.find(id).map(|(_, ended)| ended);
    assert_eq!(ended(&early.id), Some(Some(Ended::Expired)));
    assert_eq!(ended(&late.id), Some(None));
    assert_eq!(pool.take(limit(10, 1 << 20)).len(), 1);
}

#[test]
fn what_goes_before_it_is_packed_leaves_no_bytes_in_the_queue() {
    let pool = pool(10, 10);
    let elsewhere = admissible(1, 0, 100, &[1]);
    let expiring = admissible(1, 1, 50, &[1]);
    let packed = admissible(1, 2, 100, &[1]);
    pool.insert(vec![packed.clone()]);
    assert_eq!(pool.take(limit(10, 1 << 20)).len(), 1);
    pool.insert(vec![elsewhere.clone(), expiring]);
    pool.on_executed([elsewhere.id, packed.id].into_iter());
    pool.take_expired(Timestamp(50));
    assert_eq!(pool.queued(), Load::default());
}

#[test]
fn what_was_packed_in_vain_is_packed_again() {
    let pool = pool(10, 10);
    let one = admissible(1, 0, 100, &[1]);
    pool.insert(vec![one.clone()]);
    assert_eq!(pool.take(limit(10, 1 << 20)).len(), 1);
    pool.unpack(&[one.fingerprint, one.fingerprint, Digest([9; 32])]);
    assert_eq!(pool.queued(), load(&one));
    assert_eq!(pool.take(limit(10, 1 << 20)).len(), 1);
    assert_eq!(pool.queued(), Load::default());
}

#[test]
fn what_went_and_came_again_is_packed_once() {
    let pool = pool(10, 10);
    let again = admissible(1, 0, 100, &[1]);
    pool.insert(vec![again.clone()]);
    let skipped = Ended::Skipped(Skip::Unauthorised);
    let gone = pool.skipped(&again.fingerprint, |_| skipped);
    assert_eq!(gone, Some((again.id, skipped)));
    assert_eq!(pool.find(&again.id).map(|(_, ended)| ended), Some(Some(skipped)));
    pool.insert(vec![again]);
    assert_eq!(pool.take(limit(10, 1 << 20)).len(), 1);
    assert_eq!(pool.queued(), Load::default());
}

#[test]
fn an_erased_text_is_forgotten_at_once_whether_its_transaction_is_pending_packed_or_gone() {
    let pool = pool(10, 10);
    let note = Place::Operation { index: 0, field: 0 };
    let texts = [(Place::Memo, "rent"), (note, "October")];
    let [gone, packed, queued] = [0, 10, 20].map(|salt| with_texts(1, salt, 100, &[1], &texts));
    pool.insert(vec![gone.clone(), packed.clone()]);
    assert_eq!(pool.take(limit(10, 1 << 20)).len(), 2);
    let skip = |one: &Admissible| {
        let skipped = Ended::Skipped(Skip::Unauthorised);
        pool.skipped(&one.fingerprint, |_| skipped)
    };
    skip(&gone);
    pool.insert(vec![queued.clone()]);
    let all = [&gone, &packed, &queued];
    let items = |one: &Admissible| (*one.submission).clone().into_parts().1;
    let kept = |one: &Admissible| pool.find(&one.id).unwrap().0.texts.clone();
    assert_eq!(all.map(kept), all.map(items));
    pool.on_erased(all.map(|one| (one.id, Place::Memo)));
    let withheld = |one: &Admissible| {
        let mut items = items(one);
        let leaf = items[0].leaf();
        items[0] = TextItem::Withheld { leaf };
        items
    };
    assert_eq!(all.map(kept), all.map(withheld));
    // There is still one for each place, for whoever packs it.
    pool.unpack(&[packed.fingerprint]);
    let taken = pool.take(limit(10, 1 << 20));
    let taken: Vec<Vec<TextItem>> = taken.iter().map(|packed| packed.parts().1.collect()).collect();
    assert_eq!(taken, [&queued, &packed].map(withheld));
    skip(&packed);
    assert_eq!(kept(&packed), withheld(&packed));
    // Nothing to forget: another place, another transaction.
    let other = Place::Operation { index: 1, field: 0 };
    pool.on_erased([(queued.id, other), (Digest([9; 32]), Place::Memo)]);
    assert_eq!(kept(&queued), withheld(&queued));
}

#[test]
fn packing_takes_the_oldest_first_and_stops_at_either_bound() {
    let pool = pool(10, 10);
    let four: Vec<_> = (0..4).map(|salt| admissible(1, salt, 100, &[1])).collect();
    let one = load(&four[0]);
    let order: Vec<_> = four.iter().map(|one| one.fingerprint).collect();
    pool.insert(four);
    let taken = |limit| -> Vec<Fingerprint> {
        let taken = pool.take(limit);
        taken.iter().map(|packed| packed.fingerprint).collect()
    };
    assert_eq!(taken(limit(10, 2 * one.bytes + 1)), order[..2]);
    assert_eq!(taken(limit(1, 1 << 20)), order[2..3]);
    assert_eq!(pool.queued(), one);
}

#[test]
fn packing_stops_at_what_signatures_may_cost_and_takes_one_whatever_it_has() {
    let pool = pool(10, 10);
    let all: Vec<_> = (0..3).map(|salt| admissible(1, salt, 100, &[1, 2])).collect();
    assert_eq!(load(&all[0]).cost, 2);
    pool.insert(all);
    let costing = |cost| Load {
        cost,
        ..limit(10, 1 << 20)
    };
    assert_eq!(pool.take(costing(5)).len(), 2);
    assert_eq!(pool.take(costing(1)).len(), 1);
}

#[test]
fn texts_count_in_the_pool_with_their_bytes_and_in_a_batch_with_those_of_a_hash_at_least() {
    let memo = "fourteen bytes";
    let without = admissible(1, 0, 100, &[1]);
    let with = with_texts(1, 0, 100, &[1], &[(Place::Memo, memo)]);
    // In the intent: how many places, the place, the root. Beside it: the salt, a length, the text.
    let (in_intent, beside) = (1 + 1 + 32, 16 + 1 + memo.len());
    assert_eq!(with.length, without.length + in_intent + beside);
    assert_eq!(load(&with).bytes, load(&without).bytes + in_intent + 33);
    let long = "x".repeat(100);
    let with = with_texts(1, 0, 100, &[1], &[(Place::Memo, &long)]);
    assert_eq!(
        load(&with).bytes,
        load(&without).bytes + in_intent + 1 + 16 + 1 + 100
    );
    let mut small = pool(10, 10);
    small.max_bytes = with.length - 1;
    assert_eq!(small.insert(vec![with]), [Err(Full::Pool)]);
}
