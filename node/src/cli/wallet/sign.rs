//! `quorate wallet sign`: one more signature in a transaction that travels.

use std::path::PathBuf;

use clap::Args;
use quorate_crypto::{ClientSigningKey, Key};
use quorate_ledger::Address;
use quorate_tools::clock::now;
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, printable, say};
use quorate_tools::passphrase::PassphraseArgs;
use quorate_tools::question::{agreed, can_ask};
use quorate_tools::wallet::{Meaning, MeaningArgs};
use quorate_verifier::{Travelling, TravellingV1};

use super::offline::{combined, read, report};
use super::open_key;
use super::travelling::{LookUpArgs, Papers, Signers, write_over};

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet sign payment.qtx --key alice.key --genesis genesis.toml
  quorate wallet sign payroll.qtx --key alice.key --account qr1firm…

No network is needed. What is signed is shown first, and at a terminal it is asked whether to
sign it. The genesis document gives amounts their decimals and members' accounts their names;
a transaction for another network is refused, and so is a file that was changed. With --node the
decimals of assets that were made later are proven, and it is looked up of which asset a hold is
that is released or refunded.

A key that nobody needs is refused: with its signature the transaction would be. A key that was
made a signer of a party's account says which, with --account, or a node proves it, with --node.")]
pub(crate) struct SignArgs {
    /// What `wallet build` or `wallet pay --build` wrote; the signature is added to it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Sign without asking
    #[arg(long, short = 'y')]
    yes: bool,
    /// The key file
    #[arg(long, value_name = "FILE", env = "QUORATE_KEY")]
    key: PathBuf,
    /// The account that the key signs for, if it is not the key's own
    #[arg(long, value_name = "ADDRESS", env = "QUORATE_ACCOUNT")]
    account: Option<Address>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    meaning: MeaningArgs,
    #[command(flatten)]
    look_up: LookUpArgs,
}

/// Adds a signature.
pub(crate) async fn sign(args: &SignArgs, output: &Output) -> Result<(), Failure> {
    let (papers, ledger) = read(&args.file, &args.meaning, &args.look_up).await?;
    for line in papers.lines(false) {
        say(line);
    }
    papers.say_unproven();
    papers.say_unknown_holds();
    if papers.expires_at() <= now()? {
        say("warning: by this machine's clock it has expired");
    }
    let key = open_key(&args.passphrase, &args.key)?;
    let signers = match &ledger {
        Some(ledger) => Some(papers.proven_signers(ledger).await?),
        None => None,
    };
    let signing = Signing {
        key: key.key(),
        account: args.account,
        signers: signers.as_ref(),
    };
    for one in &papers.all {
        signing.check_needed(one, &papers.meaning)?;
    }
    if !args.yes && can_ask() && !agreed("Sign this?")? {
        return Err(Failure::failed("nothing was signed"));
    }
    let all = papers.all.iter().map(|one| signed(one, &key));
    let all = all.collect::<Result<Vec<_>, _>>()?;
    write_over(&args.file, &all)?;
    report(&Papers { all, ..papers }, &args.file, output)
}

/// Who is about to sign, and what is known of who may.
struct Signing<'a> {
    key: Key,
    /// For whom, by the signer's own word.
    account: Option<Address>,
    /// As is proven, if a node was asked.
    signers: Option<&'a Signers>,
}

impl Signing<'_> {
    /// Refuses a signature that no party needs: the ledger refuses a transaction that has one, and no copy that is
    /// combined with this one gets rid of it.
    fn check_needed(&self, one: &Travelling, meaning: &Meaning) -> Result<(), Failure> {
        let parties = &one.v1().intent.v1().parties;
        if parties.iter().any(|party| self.signs_for(party)) {
            return Ok(());
        }
        let who = parties.iter().map(|party| self.who_signs_for(party, meaning));
        let who: Vec<String> = who.collect();
        let failure = Failure::usage(format!(
            "the key {} with the account {} signs for no party of {}, which would be refused with its signature: \
             nothing was signed. It is to be signed by {}",
            self.key,
            self.key.address(),
            one.v1().intent.id(),
            who.join(", and by ")
        ));
        Err(match self.signers {
            Some(_) => failure,
            None => failure.hint(
                "a key that was made a signer of one of these accounts signs with --account ADDRESS, or with \
                 --genesis FILE and --node URL, which prove it",
            ),
        })
    }

    fn signs_for(&self, party: &Address) -> bool {
        let is_own = self.key.address() == *party;
        match self.signers.and_then(|signers| signers.get(party)) {
            Some(keys) if keys.is_empty() => is_own,
            Some(keys) => keys.contains(&self.key),
            None => is_own || self.account == Some(*party),
        }
    }

    fn who_signs_for(&self, party: &Address, meaning: &Meaning) -> String {
        let name = meaning.names.get(party);
        let name = name.map_or_else(String::new, |name| format!(" ({})", printable(name)));
        let keys = self.signers.and_then(|signers| signers.get(party));
        match keys.map(Vec::as_slice) {
            None | Some([]) => format!("{party}{name}"),
            Some(keys) => {
                let keys: Vec<String> = keys.iter().map(Key::to_string).collect();
                format!("signers of {party}{name}: {}", keys.join(", "))
            }
        }
    }
}

/// The same with one more signature; one that the key made before stays.
pub(super) fn signed(one: &Travelling, key: &ClientSigningKey) -> Result<Travelling, Failure> {
    let TravellingV1 {
        intent,
        texts,
        decimals,
        ..
    } = one.v1().clone();
    let signatures = intent.clone().sign([key]).signatures().to_vec();
    let own = Travelling::V1(TravellingV1 {
        intent,
        texts,
        signatures,
        decimals,
    });
    combined(&[one.clone(), own])
}

#[cfg(test)]
mod tests {
    use quorate_client::wallet::TransactionBuilder;
    use quorate_crypto::{SigningKey, sha256};
    use quorate_ledger::{Amount, Timestamp};
    use quorate_tools::failure::Exit;

    use super::*;

    fn key(seed: u8) -> Key {
        ClientSigningKey::from_ed25519(SigningKey::from_seed(&[seed; 32])).key()
    }

    /// Whose two parties are the accounts of keys 1 and 2.
    fn built() -> Travelling {
        let eur = "EUR".parse().unwrap();
        let (one, two) = (key(1).address(), key(2).address());
        let unsigned = TransactionBuilder::new(sha256(b"network"), one, Timestamp(9_000), [5; 16])
            .transfer(two, eur, Amount(1), "")
            .party(two)
            .build_with(|_| [6; 16]);
        Travelling::new(unsigned.intent, unsigned.texts, &[(eur, 2)].into()).unwrap()
    }

    fn check(by: Key, account: Option<Address>, signers: Option<&Signers>) -> Result<(), Failure> {
        let signing = Signing {
            key: by,
            account,
            signers,
        };
        let meaning = Meaning {
            names: [(key(2).address(), "bank".to_owned())].into(),
            ..Meaning::default()
        };
        signing.check_needed(&built(), &meaning)
    }

    #[test]
    fn a_key_that_no_party_needs_is_refused_with_who_must_sign() {
        let (one, two) = (key(1).address(), key(2).address());
        assert!(check(key(1), None, None).is_ok() && check(key(2), None, None).is_ok());
        let failure = check(key(3), None, None).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        let said = failure.to_string();
        for named in [&format!("{one}, and by {two} (bank)"), "--account ADDRESS"] {
            assert!(said.contains(named), "{said}");
        }
        // Its holder knows that it was made a signer of a party, and of nobody else.
        assert!(check(key(3), Some(one), None).is_ok());
        assert!(check(key(3), Some(key(4).address()), None).is_err());
    }

    #[test]
    fn where_it_is_proven_who_signs_nobodys_word_counts() {
        let (one, two) = (key(1).address(), key(2).address());
        let signers = Signers::from([(one, vec![key(3), key(4)]), (two, Vec::new())]);
        for good in [key(2), key(3), key(4)] {
            assert!(check(good, None, Some(&signers)).is_ok());
        }
        for needless in [key(1), key(5)] {
            let failure = check(needless, Some(one), Some(&signers)).unwrap_err();
            let said = failure.to_string();
            assert!(
                said.contains(&format!("signers of {one}: {}, {}", key(3), key(4))),
                "{said}"
            );
            assert!(!said.contains("--account"), "{said}");
        }
    }
}
