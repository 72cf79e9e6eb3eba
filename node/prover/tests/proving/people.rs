//! Accounts and their keys, of both kinds.

use std::collections::BTreeMap;

use quorate_crypto::{Address, ClientSigningKey, Key, SigningKey, sha256};
use quorate_ledger::Signers;

/// An account by its first key.
pub(crate) struct Person {
    pub(crate) key: ClientSigningKey,
    pub(crate) address: Address,
}

pub(crate) struct People {
    all: Vec<Person>,
    keys: BTreeMap<Key, ClientSigningKey>,
}

impl People {
    /// So many people, of whom one in three has a P-256 key.
    pub(crate) fn new(count: usize) -> Self {
        let all: Vec<Person> = (0..count).map(person).collect();
        let keys = all.iter().map(|person| (person.key.key(), person.key.clone()));
        Self {
            keys: keys.collect(),
            all,
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn key(&self, person: usize) -> &ClientSigningKey {
        &self.all[person].key
    }

    pub(crate) fn address(&self, person: usize) -> Address {
        self.all[person].address
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.all.iter().map(|person| person.address)
    }

    /// Keys that sign for a person whose account has these signers: as many as it takes.
    pub(crate) fn signing(&self, person: usize, signers: Option<&Signers>) -> Vec<&ClientSigningKey> {
        let Some(signers) = signers else {
            return vec![self.key(person)];
        };
        let mut weight = 0;
        let mut found = Vec::new();
        for signer in &signers.signers {
            if weight < signers.threshold {
                weight += u32::from(signer.weight);
                found.push(&self.keys[&signer.key]);
            }
        }
        found
    }
}

/// A seed for a name.
pub(crate) fn seed(name: &str, number: usize) -> [u8; 32] {
    sha256(format!("{name} {number}").as_bytes()).0
}

fn person(number: usize) -> Person {
    let seed = seed("person", number);
    let key = if number % 3 == 2 {
        ClientSigningKey::p256_from_scalar(&seed).unwrap()
    } else {
        ClientSigningKey::from_ed25519(SigningKey::from_seed(&seed))
    };
    Person {
        address: key.key().address(),
        key,
    }
}
