//! What commands share that send an operation of governance, or write it for others to sign.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::{TransactionBuilder, random_salt};
use quorate_crypto::MemberNumber;
use quorate_ledger::limits::MAX_NAME_BYTES;
use quorate_ledger::{Address, Digest, Operation, is_name};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, say};
use quorate_tools::passphrase::PassphraseArgs;
use quorate_tools::question::{agreed, can_ask};
use quorate_tools::wallet::{Fate, Ledger, NodeArgs};
use quorate_verifier::ProvenDecimals;

use super::account::warn_unproven;
use super::offline::travelling_of;
use super::send::SendArgs;
use super::travelling::write_new;
use super::{OpenKey, open_key};

/// The version of the protocol from which the ledger performs what governs a network.
const GOVERNED: u32 = 2;

/// Who acts, on which network, and whether it is signed here.
#[derive(Args, Clone, Debug)]
pub(crate) struct ActArgs {
    /// Sign without asking
    #[arg(long, short = 'y')]
    yes: bool,
    /// The key file
    #[arg(long, value_name = "FILE", env = "QUORATE_KEY", help_heading = "Key")]
    #[arg(required_unless_present = "out")]
    key: Option<PathBuf>,
    /// The account that acts, if it is not the key's own
    #[arg(long, value_name = "ADDRESS", env = "QUORATE_ACCOUNT", help_heading = "Key")]
    account: Option<Address>,
    #[command(flatten, next_help_heading = "Key")]
    passphrase: PassphraseArgs,
    /// Write the transaction to this file, for others to sign; it must not exist
    #[arg(long, value_name = "FILE", help_heading = "Signing elsewhere")]
    out: Option<PathBuf>,
    /// Seconds after which what --out writes is no longer executed: time for all to sign
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, requires = "out")]
    #[arg(help_heading = "Signing elsewhere")]
    sign_within: u64,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    send: SendArgs,
}

/// An account that is about to act.
pub(crate) struct Acting<'a> {
    args: &'a ActArgs,
    /// None where others sign.
    key: Option<OpenKey>,
    /// The account.
    pub(crate) account: Address,
    /// The network.
    pub(crate) ledger: Ledger,
}

impl ActArgs {
    /// Opens the key, which should not depend on the network, and finds the network. One whose protocol does not
    /// perform what governs a network is told so.
    pub(crate) async fn begin(&self) -> Result<Acting<'_>, Failure> {
        let key = match &self.key {
            Some(path) if self.out.is_none() => {
                let key = open_key(&self.passphrase, path)?;
                let account = self.account.unwrap_or_else(|| key.key().address());
                Some(OpenKey { key, account })
            }
            _ => None,
        };
        let account = match (&key, self.account, &self.key) {
            (Some(key), ..) => key.account,
            (None, Some(account), _) => account,
            (None, None, Some(path)) => open_key(&self.passphrase, path)?.key().address(),
            (None, None, None) => return Err(Failure::usage("say which account acts: --account ADDRESS")),
        };
        let ledger = self.node.connect().await?;
        check_protocol(&ledger).await?;
        Ok(Acting {
            args: self,
            key,
            account,
            ledger,
        })
    }
}

/// Refuses a network that does not perform what governs one.
pub(super) async fn check_protocol(ledger: &Ledger) -> Result<(), Failure> {
    let protocol = ledger.client().network().await?.committee.protocol_version;
    if protocol >= GOVERNED {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Refused,
        format!(
            "this network runs protocol {protocol}, in which the ledger does not perform this yet (not_yet): nothing \
             was sent"
        ),
    )
    .hint("governance comes with protocol 2, which a network has from its beginning: `protocol = 2` in the draft of its genesis document"))
}

impl Acting<'_> {
    /// The number of the member that the account is of, by the node's word.
    pub(crate) async fn member(&self) -> Result<u32, Failure> {
        let account = self.ledger.client().account(&self.account).await?;
        account.member.ok_or_else(|| {
            Failure::new(
                Exit::Refused,
                format!(
                    "{} is of no member, and acts for none: nothing was sent",
                    self.account
                ),
            )
            .hint("--account names the member's account, where the key is one of its signers")
        })
    }

    /// The number of a member that is named by its number or its name, by the node's word.
    pub(crate) async fn member_number(&self, text: &str) -> Result<MemberNumber, Failure> {
        let member = self.ledger.client().member(text).await?;
        warn_unproven(&self.ledger, &format!("that {text} is member {}", member.number));
        Ok(MemberNumber(member.number))
    }

    /// Refuses to go on where what is signed would follow from a node's word, if none is taken.
    pub(crate) fn needs_a_nodes_word(&self, what: &str) -> Result<(), Failure> {
        if !self.ledger.is_trustless() {
            return Ok(());
        }
        Err(Failure::new(
            Exit::CheckFailed,
            format!("no node proves {what}, and with --genesis no node's word is taken: nothing was signed"),
        )
        .hint(
            "leave --genesis out for the node's word, and compare what is shown with what others are shown",
        ))
    }

    /// Asks whether to sign what was shown, at a terminal.
    pub(crate) fn agree(&self) -> Result<(), Failure> {
        if !self.args.yes && self.args.out.is_none() && can_ask() && !agreed("Sign this?")? {
            return Err(Failure::failed("nothing was signed"));
        }
        Ok(())
    }

    /// Sends an operation with its text, which may be empty, and says what became of it; or writes it for others to
    /// sign, and gives nothing.
    pub(crate) async fn perform(
        &self,
        operation: Operation,
        text: &str,
        output: &Output,
    ) -> Result<Option<Fate>, Failure> {
        self.perform_with(operation, None, text, output).await
    }

    /// The same with the consent of another account, if there is one.
    async fn perform_with(
        &self,
        operation: Operation,
        party: Option<Address>,
        text: &str,
        output: &Output,
    ) -> Result<Option<Fate>, Failure> {
        let build = |builder: TransactionBuilder| {
            let builder = builder.act(self.account, operation).text(0, text);
            match party {
                Some(party) => builder.party(party),
                None => builder,
            }
        };
        let (Some(key), None) = (&self.key, &self.args.out) else {
            self.write(build, output).await?;
            return Ok(None);
        };
        self.args.send.deliver(key, &self.ledger, build).await.map(Some)
    }

    /// The same, and prints what became of it.
    pub(crate) async fn act(&self, operation: Operation, text: &str, output: &Output) -> Result<(), Failure> {
        self.act_with(operation, None, text, output).await
    }

    /// The same with the consent of another account, if there is one.
    pub(crate) async fn act_with(
        &self,
        operation: Operation,
        party: Option<Address>,
        text: &str,
        output: &Output,
    ) -> Result<(), Failure> {
        match self.perform_with(operation, party, text, output).await? {
            Some(fate) => fate.report(output, self.waits()),
            None => Ok(()),
        }
    }

    /// Whether one key signs here, and nobody else.
    pub(crate) fn signs_here(&self) -> bool {
        self.key.is_some()
    }

    /// Whether the outcome is waited for.
    pub(crate) fn waits(&self) -> bool {
        self.args.send.wait().is_some()
    }

    async fn write(
        &self,
        build: impl FnOnce(TransactionBuilder) -> TransactionBuilder,
        output: &Output,
    ) -> Result<(), Failure> {
        let Some(out) = &self.args.out else {
            return Err(Failure::usage(
                "name the --key that signs, or the file to write with --out",
            ));
        };
        let lead = Duration::from_secs(self.args.sign_within);
        let expires_at = self.ledger.expiry(lead).await?;
        let salt = random_salt().map_err(Failure::failed)?;
        let builder = TransactionBuilder::new(self.ledger.network(), self.account, expires_at, salt);
        let unsigned = build(builder).build().map_err(Failure::failed)?;
        let travelling = travelling_of(unsigned, &ProvenDecimals::new())?;
        let id: Digest = travelling.v1().intent.id();
        write_new(out, std::slice::from_ref(&travelling))?;
        let expires = rfc3339_of(expires_at);
        let view = serde_json::json!({ "file": out, "id": id, "parties": travelling.v1().intent.v1().parties, "expires_at": expires });
        output.print(&view, |output| {
            output.fields(&[
                ("file", out.display().to_string()),
                ("id", id.to_string()),
                ("expires", expires.clone()),
            ])
        })?;
        say(format!(
            "Next: quorate wallet sign {} --key FILE where each key is, then quorate wallet submit",
            out.display()
        ));
        Ok(())
    }
}

/// A member in a command: its name, or its number.
pub(crate) fn member_text(text: &str) -> Result<String, String> {
    if is_name(text, MAX_NAME_BYTES) {
        Ok(text.to_owned())
    } else {
        Err("a member is named by its number or its name".to_owned())
    }
}
