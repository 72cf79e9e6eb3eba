//! Decoders of canonical bytes of the ledger.

use quorate_crypto::Height;
use quorate_crypto::merkle::Frontier;
use quorate_ledger::limits::MAX_INTENT_WITH_TEXTS_BYTES;
use quorate_ledger::{
    BatchRules, BatchTexts, BlockRules, CertifiedBlock, FormedBatch, Found, Intent, Leaf, ParametersV1,
    Parent, SignedBatch, StateKey, StateProof, StateValue, Submission, TextItem, Transaction, WholeCopy,
    check_block, count_transactions, form_batches,
};

use crate::binary::canonical;
use crate::printed::{CHAINS, Chain, SEALED, STATE_ROOTS};

impl Chain {
    fn parameters(&self) -> &ParametersV1 {
        self.genesis.parameters().v1()
    }
}

pub(crate) fn transaction(bytes: &[u8]) {
    let Some(transaction) = canonical::<Transaction>(bytes) else {
        return;
    };
    let intent = &transaction.v1().intent;
    let carried = intent.signed_bytes();
    let fits = carried.len() <= MAX_INTENT_WITH_TEXTS_BYTES;
    assert_eq!(
        Intent::decode_carried(&carried).ok().as_ref(),
        fits.then_some(intent)
    );
    for chain in CHAINS.iter() {
        let parameters = chain.parameters();
        let short = bytes.len() <= parameters.max_transaction_bytes as usize;
        assert_eq!(Transaction::decode(bytes, parameters).is_ok(), short);
        if transaction.check_form(&chain.genesis.id(), parameters).is_ok() {
            assert!(short && (transaction.intent().texts.is_none() || fits));
            let _ = transaction.verify_signatures();
        }
    }
}

pub(crate) fn submission(bytes: &[u8]) {
    let Some(submission) = canonical::<Submission>(bytes) else {
        return;
    };
    for chain in CHAINS.iter() {
        let parameters = chain.parameters();
        let short = bytes.len() <= parameters.max_transaction_bytes as usize;
        assert_eq!(Submission::decode(bytes, parameters).is_ok(), short);
        if submission.check_form(&chain.genesis.id(), parameters).is_ok() {
            assert!(short);
            let (transaction, items) = submission.clone().into_parts();
            assert_eq!(transaction.intent().fit(&items), Ok(()));
            let _ = transaction.verify_signatures();
        }
    }
}

/// The length of a signed batch in four bytes, little-endian, the batch, and its texts.
pub(crate) fn batch(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let Some((batch, texts)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize) else {
        return;
    };
    let signed = canonical::<SignedBatch>(batch);
    if let Some(signed) = &signed {
        let transactions = signed.batch().transactions.len();
        assert_eq!(count_transactions(batch), u32::try_from(transactions).ok());
    }
    let read = canonical::<BatchTexts>(texts);
    if let Some(read) = &read {
        assert!(read.counted_length() >= texts.len());
    }
    if let (Some(signed), Some(read)) = (&signed, &read) {
        let counted = read.by_transaction(signed.batch());
        assert!(counted.is_some() || read.fit(signed.batch()).is_err());
    }
    for chain in CHAINS.iter() {
        copy(batch, texts, chain);
    }
}

fn copy(batch: &[u8], texts: &[u8], chain: &Chain) {
    let (network, parameters) = (chain.genesis.id(), chain.parameters());
    let rules = BatchRules {
        network: &network,
        committee: &chain.committee,
        parameters,
    };
    let Ok(formed) = FormedBatch::new(batch.to_vec().into(), &rules) else {
        return;
    };
    assert_eq!(formed.digest(), formed.signed().digest());
    if let Ok(whole) = WholeCopy::decode(formed.clone(), texts, parameters, |_, _| true) {
        stays_whole(whole, parameters);
    }
    let _ = formed.check_signatures();
}

/// A whole copy stays whole, and gets no longer, when its texts are erased.
fn stays_whole(whole: WholeCopy, parameters: &ParametersV1) {
    let length = whole.length();
    let (formed, texts) = whole.into_parts();
    let withheld = |item: &TextItem| TextItem::Withheld { leaf: item.leaf() };
    let erased = BatchTexts::new(texts.items().iter().map(withheld).collect());
    let erased = WholeCopy::new(formed, erased, parameters, |_, _| true).unwrap();
    assert!(erased.length() <= length);
}

pub(crate) fn certified_block(bytes: &[u8]) {
    let Some(block) = canonical::<CertifiedBlock>(bytes) else {
        return;
    };
    let _ = block.verify_contents();
    assert_eq!(block.executed().is_some(), block.log_entries().is_some());
    for chain in CHAINS.iter() {
        let parameters = chain.parameters();
        let short = bytes.len() <= CertifiedBlock::limit(bytes, parameters);
        assert_eq!(CertifiedBlock::decode(bytes, parameters).is_ok(), short);
        let _ = block.fitting_texts(parameters);
        first_block(&block, chain);
    }
}

/// Judges a block as the first of a chain.
fn first_block(block: &CertifiedBlock, chain: &Chain) {
    let (network, empty) = (chain.genesis.id(), Frontier::new());
    let rules = BlockRules {
        network: &network,
        parent: Parent {
            height: Height::GENESIS,
            hash: network,
            timestamp: chain.genesis.time(),
            next_committee: chain.committee.digest(),
            chain: &empty,
            log: &empty,
        },
        committee: &chain.committee,
        parameters: chain.parameters(),
        planned: None,
        next_committee: None,
    };
    if let Ok(appended) = check_block(block, &rules) {
        assert_eq!(appended.log.length(), block.v1().block.header().log_size);
    }
    if let Ok(batches) = form_batches(block, &rules) {
        for batch in batches {
            let _ = batch.check_signatures();
        }
    }
    if block.verify_certificate(network, &chain.committee).is_ok() {
        let hash = block.v1().block.hash();
        assert!(SEALED.contains(&hash), "nobody sealed {hash}");
    }
}

/// A key, and what is said to lie under it.
pub(crate) fn state_value(bytes: &[u8]) {
    let Some((key, value)) = bytes.split_first_chunk::<32>() else {
        return;
    };
    let key = StateKey(*key);
    if let Ok(decoded) = StateValue::decode(&key, value) {
        assert_eq!(decoded.key(), key);
        assert_eq!(decoded.encode(), value, "a second encoding of one value");
    }
}

pub(crate) fn state_proof(bytes: &[u8]) {
    let Some(proof) = canonical::<StateProof>(bytes) else {
        return;
    };
    let formed = proof.check_form().is_ok();
    for root in STATE_ROOTS.iter() {
        let Ok(values) = proof.verify(root) else {
            continue;
        };
        assert!(formed);
        let leaves: &[Leaf] = match &proof.v1().found {
            Found::Leaves(leaves) => leaves,
            Found::Empty | Found::Other { .. } => &[],
        };
        assert_eq!(values.len(), leaves.len());
        for (value, leaf) in values.iter().zip(leaves) {
            assert_eq!((value.key(), value.encode()), (leaf.key, leaf.value.clone()));
            assert!(proof.v1().prefix.covers(&leaf.key));
        }
    }
}
