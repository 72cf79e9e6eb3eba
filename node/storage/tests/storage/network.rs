//! A network of one validator that makes real blocks. Accounts are numbered; account 0 is the member's own, and has
//! issued QRT, of which genesis gives each account a million.

use std::sync::Arc;

use quorate_crypto::{
    Certificate, CertificateV1, ClientSigningKey, Committee, Engine, Seal, SealContent, SigningKey,
    ValidatorIndex, sha256,
};
use quorate_genesis::{Draft, DraftAsset, DraftBalance, DraftV1, Genesis, Join, JoinKeys};
use quorate_ledger::{
    Act, Address, Amount, AssetCode, Batch, BatchRules, BatchTexts, BatchV1, BlockInput, CheckedBatch,
    Digest, Execution, FormedBatch, GenesisState, Intent, IntentV1, Operation, Parameters, ParametersV1,
    Place, Proposal, Rules, StateReader, StateTree, Text, TextItem, Texts, Timestamp, Tip, Transaction,
    execute,
};

/// Genesis's time.
pub(crate) const START: Timestamp = Timestamp(1_700_000_000_000);

/// How long after the last block's time a transaction expires.
const LIFE_MS: u64 = 3_600_000;

/// The state of the network after the last block that it made.
pub(crate) struct Network {
    pub(crate) document: Genesis,
    pub(crate) genesis: GenesisState,
    pub(crate) tip: Tip,
    pub(crate) tree: StateTree,
    keys: Vec<ClientSigningKey>,
    validator: SigningKey,
    /// Of the epoch under way.
    pub(crate) committee: Committee,
    parameters: Parameters,
    salt: u64,
}

/// A transaction with its texts.
pub(crate) type Made = (Transaction, Vec<TextItem>);

pub(crate) fn code(text: &str) -> AssetCode {
    text.parse().unwrap()
}

impl Network {
    /// A network of so many accounts.
    pub(crate) fn new(accounts: u32) -> Self {
        Self::with(accounts, ParametersV1::default())
    }

    /// The same with other parameters.
    pub(crate) fn with(accounts: u32, parameters: ParametersV1) -> Self {
        let keys: Vec<ClientSigningKey> = (0..accounts)
            .map(|number| {
                let mut seed = [1; 32];
                seed[..4].copy_from_slice(&number.to_le_bytes());
                ClientSigningKey::from_ed25519(SigningKey::from_seed(&seed))
            })
            .collect();
        let balances = keys.iter().map(|key| DraftBalance {
            address: key.key().address(),
            amount: Amount(1_000_000),
        });
        let parameters = Parameters::V1(parameters);
        let draft = Draft::V1(DraftV1 {
            network: "storage".to_owned(),
            engine: Engine::Pbft,
            time: START,
            members: vec!["alpha".to_owned()],
            parameters: parameters.clone(),
            rules: Rules::default(),
            assets: vec![DraftAsset {
                code: code("QRT"),
                decimals: 2,
                flags: 0,
                description: String::new(),
                issuer: keys[0].key().address(),
                balances: balances.collect(),
            }],
            accounts: Vec::new(),
            grants: Vec::new(),
        });
        let [validator, node, witness] = [2, 3, 4].map(|seed| SigningKey::from_seed(&[seed; 32]));
        let joining = JoinKeys {
            validator: &validator,
            node: &node,
            witness: &witness,
            account: &keys[0],
            signers: None,
            administrators: &[],
        };
        let join = Join::sign(&draft, "alpha", joining, Vec::new()).unwrap();
        let (_, document) = Genesis::assemble(&draft.to_toml(), &[&join.to_toml()]).unwrap();
        let genesis = document.state();
        Self {
            tip: Tip::genesis(document.id(), document.time(), genesis.root),
            tree: genesis.tree(),
            committee: document.committee(),
            document,
            genesis,
            keys,
            validator,
            parameters,
            salt: 0,
        }
    }

    pub(crate) fn id(&self) -> Digest {
        self.document.id()
    }

    pub(crate) fn address(&self, account: usize) -> Address {
        self.keys[account].key().address()
    }

    /// A payment of one unit.
    pub(crate) fn payment(&mut self, from: usize, to: usize) -> Transaction {
        self.payment_to(from, self.address(to))
    }

    /// A payment of one unit to any address.
    pub(crate) fn payment_to(&mut self, from: usize, to: Address) -> Transaction {
        self.transaction(from, vec![transfer(to, "QRT", 1)])
    }

    /// A signed transaction, unlike every other.
    pub(crate) fn transaction(&mut self, sender: usize, operations: Vec<Operation>) -> Transaction {
        self.transaction_with(sender, operations, &[]).0
    }

    /// A signed transaction with texts at these places, which ascend.
    pub(crate) fn transaction_with(
        &mut self,
        sender: usize,
        operations: Vec<Operation>,
        texts: &[(Place, &str)],
    ) -> Made {
        let (intent, items) = self.intent_with(sender, operations, texts);
        (intent.sign([&self.keys[sender]]), items)
    }

    /// What such a transaction is the signed form of.
    pub(crate) fn intent_with(
        &mut self,
        sender: usize,
        operations: Vec<Operation>,
        texts: &[(Place, &str)],
    ) -> (Intent, Vec<TextItem>) {
        self.salt += 1;
        let own_salt = self.random();
        let items: Vec<TextItem> = texts
            .iter()
            .map(|(_, text)| {
                self.salt += 1;
                TextItem::Shown(Text {
                    salt: self.random(),
                    text: text.as_bytes().to_vec(),
                })
            })
            .collect();
        let places = texts.iter().map(|(place, _)| *place).collect();
        let acts = operations
            .into_iter()
            .map(|operation| Act { party: 0, operation });
        let intent = Intent::V1(IntentV1 {
            network: self.id(),
            parties: vec![self.address(sender)],
            expires_at: Timestamp(self.tip.timestamp.0 + LIFE_MS),
            salt: own_salt,
            operations: acts.collect(),
            texts: (!items.is_empty()).then(|| Texts {
                places,
                root: Texts::root_of(&items),
            }),
        });
        (intent, items)
    }

    /// Bytes that look like any others, and follow from the number of the salt.
    fn random(&self) -> [u8; 16] {
        sha256(&self.salt.to_le_bytes()).0[..16].try_into().unwrap()
    }

    /// A batch of these, by the validator.
    pub(crate) fn batch(&mut self, transactions: Vec<Transaction>) -> CheckedBatch {
        self.salt += 1;
        let batch = Batch::V1(BatchV1 {
            network: self.id(),
            epoch: self.tip.epoch,
            author: ValidatorIndex(0),
            number: self.salt,
            transactions,
        });
        let network = self.id();
        let rules = BatchRules {
            network: &network,
            committee: &self.committee,
            parameters: self.parameters.v1(),
        };
        FormedBatch::from_signed(batch.sign(&self.validator), &rules)
            .unwrap()
            .with_signatures_checked()
    }

    /// A batch of these with all their texts.
    pub(crate) fn copy(&mut self, made: &[Made]) -> (CheckedBatch, Option<BatchTexts>) {
        let transactions = made.iter().map(|(transaction, _)| transaction.clone());
        let items = made.iter().flat_map(|(_, items)| items.clone());
        let texts = BatchTexts::new(items.collect());
        (self.batch(transactions.collect()), Some(texts))
    }

    /// Executes the next block and seals it; `reader` is at the tip.
    pub(crate) fn execute<R: StateReader>(
        &mut self,
        reader: &R,
        batches: &[CheckedBatch],
    ) -> (Execution, Certificate)
    where
        R::Error: std::fmt::Debug,
    {
        self.execute_after(10, reader, batches)
    }

    /// The same, so many milliseconds after the block before.
    pub(crate) fn execute_after<R: StateReader>(
        &mut self,
        after_ms: u64,
        reader: &R,
        batches: &[CheckedBatch],
    ) -> (Execution, Certificate)
    where
        R::Error: std::fmt::Debug,
    {
        let digests = batches.iter().map(CheckedBatch::digest).collect();
        let proposal = Proposal::new(Timestamp(self.tip.timestamp.0 + after_ms), digests);
        let batches: Vec<Arc<CheckedBatch>> = batches.iter().cloned().map(Arc::new).collect();
        let input = BlockInput {
            tip: &self.tip,
            proposal: &proposal,
            batches: &batches,
            parameters: self.parameters.v1(),
        };
        let execution = execute(&input, reader, &mut self.tree).unwrap();
        let certificate = self.certify(&execution.tip);
        self.tip = execution.tip.clone();
        if let Some(agreement) = &execution.agreement {
            self.committee = agreement.v1().committee.clone();
        }
        (execution, certificate)
    }

    /// Seals a block of the epoch under way.
    pub(crate) fn certify(&self, tip: &Tip) -> Certificate {
        let content = SealContent::new(self.id(), self.committee.epoch(), tip.height, tip.block_hash);
        Certificate::V1(CertificateV1 {
            epoch: self.committee.epoch(),
            height: tip.height,
            block: tip.block_hash,
            seals: vec![Seal {
                validator: ValidatorIndex(0),
                signature: content.sign(&self.validator),
            }],
        })
    }
}

pub(crate) fn transfer(to: Address, asset: &str, amount: u128) -> Operation {
    Operation::Transfer {
        to,
        asset: code(asset),
        amount: Amount(amount),
    }
}

pub(crate) fn create(asset: &str) -> Operation {
    Operation::CreateAsset {
        code: code(asset),
        decimals: 0,
        flags: 0,
    }
}

pub(crate) fn mint(to: Address, asset: &str, amount: u128) -> Operation {
    Operation::Mint {
        to,
        asset: code(asset),
        amount: Amount(amount),
    }
}

pub(crate) fn burn(asset: &str, amount: u128) -> Operation {
    Operation::Burn {
        asset: code(asset),
        amount: Amount(amount),
    }
}

/// The erasure of texts of a transaction.
pub(crate) fn erase(transaction: &Transaction, places: &[Place]) -> Operation {
    Operation::Erase {
        intent: transaction.signed_bytes(),
        places: places.to_vec(),
    }
}
