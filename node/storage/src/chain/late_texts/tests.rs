//! What changes after texts were compared with what is stored, and before they are written.

use std::sync::mpsc::channel;
use std::time::Duration;

use quorate_ledger::{BatchTexts, CheckedBatch, Digest, Place, TextItem};
use tempfile::TempDir;

use super::LateTexts;
use crate::StorageOptions;
use crate::chain::{Chain, hold};

#[path = "../../../tests/storage/network.rs"]
#[allow(dead_code, reason = "it is the other tests', which use all of it")]
mod network;

use network::{Made, Network, erase, transfer};

struct World {
    network: Network,
    chain: Chain,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let (network, folder) = (Network::new(2), tempfile::tempdir().unwrap());
        let options = StorageOptions {
            cache_bytes: 1 << 20,
            write_buffer_bytes: 4 << 20,
            ..StorageOptions::default()
        };
        let chain = Chain::create(folder.path(), &network.genesis, &network.tip, &options).unwrap();
        Self {
            network,
            chain,
            _folder: folder,
        }
    }

    /// A payment with a memo.
    fn noted(&mut self, memo: &str) -> Made {
        let payment = transfer(self.network.address(1), "QRT", 1);
        self.network
            .transaction_with(0, vec![payment], &[(Place::Memo, memo)])
    }

    /// Stores a batch of these without their texts, and gives the texts.
    fn store(&mut self, made: &[Made]) -> (CheckedBatch, BatchTexts) {
        let (batch, texts) = self.network.copy(made);
        self.chain.write_batches(std::slice::from_ref(&batch)).unwrap();
        (batch, texts.unwrap())
    }

    /// Makes and writes a block of stored batches.
    fn order(&mut self, batches: &[CheckedBatch]) {
        let (execution, certificate) = self.network.execute(&self.chain.reader(), batches);
        self.chain.write_block(&execution, &certificate).unwrap();
    }

    /// Makes and writes a block that erases a memo.
    fn erase(&mut self, made: &Made) {
        let erasing = erase(&made.0, &[Place::Memo]);
        let transaction = self.network.transaction(0, vec![erasing]);
        let (batch, _) = self.store(&[(transaction, Vec::new())]);
        self.order(&[batch]);
    }

    fn compare<'a>(&self, batch: &CheckedBatch, texts: &'a BatchTexts) -> LateTexts<'a> {
        let late = LateTexts::new(&self.chain.database, &batch.digest(), texts).unwrap();
        late.unwrap()
    }

    fn memo(&self, made: &Made) -> Option<TextItem> {
        let snapshot = self.chain.snapshot().unwrap();
        snapshot.text(&made.0.id(), &Place::Memo).unwrap()
    }
}

fn withheld(item: &TextItem) -> TextItem {
    TextItem::Withheld { leaf: item.leaf() }
}

#[test]
fn a_block_that_orders_the_batch_meanwhile_gets_its_texts() {
    let mut world = World::new();
    let made = world.noted("memo");
    let (batch, texts) = world.store(std::slice::from_ref(&made));
    let late = world.compare(&batch, &texts);
    world.order(std::slice::from_ref(&batch));
    assert_eq!(world.memo(&made), None);
    assert!(world.chain.write_late(&late).unwrap());
    assert_eq!(world.memo(&made).as_ref(), Some(&made.1[0]));
}

#[test]
fn what_a_block_erases_meanwhile_stays_erased() {
    for is_ordered in [true, false] {
        let mut world = World::new();
        let made = world.noted("memo");
        let (batch, texts) = world.store(std::slice::from_ref(&made));
        if is_ordered {
            world.order(std::slice::from_ref(&batch));
        }
        let late = world.compare(&batch, &texts);
        world.erase(&made);
        assert!(world.chain.write_late(&late).unwrap());
        let stored = world.chain.batch_texts(&batch.digest()).unwrap().unwrap();
        assert_eq!(stored.items(), [withheld(&made.1[0])], "{is_ordered}");
    }
}

#[test]
fn texts_of_a_batch_that_is_removed_meanwhile_are_not_stored() {
    let mut world = World::new();
    let made = world.noted("memo");
    let (batch, texts) = world.store(&[made]);
    let (late, digest) = (world.compare(&batch, &texts), batch.digest());
    world.chain.remove_unordered(&[digest]).unwrap();
    assert!(!world.chain.write_late(&late).unwrap());
    assert!(!world.chain.has_batch(&digest).unwrap());
    assert_eq!(world.chain.batch_texts(&digest).unwrap(), None);
}

#[test]
fn texts_that_come_meanwhile_stay() {
    let mut world = World::new();
    let made = [world.noted("one"), world.noted("two")];
    let (batch, texts) = world.store(&made);
    let [first, second] = [made[0].1[0].clone(), made[1].1[0].clone()];
    let one = BatchTexts::new(vec![first.clone(), withheld(&second)]);
    let other = BatchTexts::new(vec![withheld(&first), second]);
    let late = world.compare(&batch, &one);
    assert!(world.chain.write_texts(&batch.digest(), &other).unwrap());
    assert!(world.chain.write_late(&late).unwrap());
    assert_eq!(world.chain.batch_texts(&batch.digest()).unwrap(), Some(texts));
}

#[test]
fn what_does_not_fit_is_found_out_while_a_block_is_written() {
    let mut world = World::new();
    let made = world.noted("memo");
    let (batch, _) = world.store(&[made]);
    let other = BatchTexts::new(world.noted("another").1);
    let unknown = Digest([9; 32]);
    let (sender, receiver) = channel();
    let chain = &world.chain;
    std::thread::scope(|scope| {
        let writing = hold(&chain.block_writer);
        scope.spawn(|| {
            let tried = [batch.digest(), unknown].map(|digest| chain.write_texts(&digest, &other).unwrap());
            sender.send(tried).unwrap();
        });
        let tried = receiver.recv_timeout(Duration::from_secs(30));
        drop(writing);
        assert_eq!(tried, Ok([false, false]));
    });
}
