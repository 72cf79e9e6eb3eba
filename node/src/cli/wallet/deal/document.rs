//! Operations as people write them in TOML: one table for each kind.

use std::collections::BTreeMap;

use quorate_client::schema::KeepView;
use quorate_ledger::{Address, AssetCode, Digest};
use quorate_tools::failure::Failure;
use serde::Deserialize;

use super::governing::{
    AssignText, DecideText, DivideText, FreezeText, Governing, GuardiansText, MemberText, ProposeText,
    RequestText, RightText, VoteText, WithdrawText,
};

/// The document.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "operations as `quorate wallet build --help` writes them"
)]
pub(super) struct Document {
    #[serde(default)]
    pub(super) memo: String,
    pub(super) expires_in: Option<u64>,
    /// Names that stand for addresses below.
    #[serde(default)]
    pub(super) accounts: BTreeMap<String, Address>,
    #[serde(default)]
    pub(super) parties: Vec<String>,
    #[serde(default)]
    pub(super) act: Vec<ActText>,
}

/// Who does what: one of the fields behind the first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an act: a table with by and one operation")]
pub(super) struct ActText {
    pub(super) by: String,
    pub(super) transfer: Option<TransferText>,
    pub(super) mint: Option<MintText>,
    pub(super) burn: Option<BurnText>,
    pub(super) create_asset: Option<CreateText>,
    pub(super) record: Option<RecordText>,
    pub(super) hold: Option<HoldText>,
    pub(super) release: Option<ReleaseText>,
    pub(super) refund: Option<RefundText>,
    pub(super) erase: Option<EraseText>,
    pub(super) set_signers: Option<SignersText>,
    pub(super) grant: Option<RightText>,
    pub(super) revoke: Option<RightText>,
    pub(super) freeze: Option<FreezeText>,
    pub(super) unfreeze: Option<FreezeText>,
    pub(super) assign: Option<AssignText>,
    pub(super) propose: Option<ProposeText>,
    pub(super) vote: Option<VoteText>,
    pub(super) withdraw: Option<WithdrawText>,
    pub(super) set_guardians: Option<GuardiansText>,
    pub(super) request_signers: Option<RequestText>,
    pub(super) decide_request: Option<DecideText>,
    pub(super) report_dormant: Option<MemberText>,
    pub(super) answer: Option<MemberText>,
    pub(super) divide_quota: Option<DivideText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with to, asset and amount")]
pub(super) struct TransferText {
    pub(super) to: String,
    pub(super) asset: AssetCode,
    pub(super) amount: String,
    #[serde(default)]
    pub(super) memo: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with to, asset and amount")]
pub(super) struct MintText {
    pub(super) to: String,
    pub(super) asset: AssetCode,
    pub(super) amount: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with asset and amount")]
pub(super) struct BurnText {
    pub(super) asset: AssetCode,
    pub(super) amount: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with code and decimals")]
pub(super) struct CreateText {
    pub(super) code: AssetCode,
    pub(super) decimals: u8,
    #[serde(default)]
    pub(super) description: String,
    /// Holders need admission.
    #[serde(default)]
    pub(super) admission: bool,
    /// It can be frozen.
    #[serde(default)]
    pub(super) freezable: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with sha256")]
pub(super) struct RecordText {
    pub(super) sha256: Digest,
    pub(super) keep: Option<KeepView>,
    #[serde(default)]
    pub(super) label: String,
    /// In hex.
    #[serde(default)]
    pub(super) metadata: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with to, asset, amount and until")]
pub(super) struct HoldText {
    pub(super) to: String,
    pub(super) asset: AssetCode,
    pub(super) amount: String,
    pub(super) until: String,
    pub(super) need: Option<u8>,
    #[serde(default)]
    pub(super) signs: Vec<String>,
    #[serde(default)]
    pub(super) after: Vec<String>,
    #[serde(default)]
    pub(super) preimages: Vec<Digest>,
    /// `SHA256:ACCOUNT`.
    #[serde(default)]
    pub(super) records: Vec<String>,
    #[serde(default)]
    pub(super) memo: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with transaction")]
pub(super) struct ReleaseText {
    pub(super) transaction: Digest,
    pub(super) operation: Option<u8>,
    pub(super) amount: Option<String>,
    /// In hex.
    #[serde(default)]
    pub(super) preimages: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with transaction")]
pub(super) struct RefundText {
    pub(super) transaction: Digest,
    pub(super) operation: Option<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with transaction")]
pub(super) struct EraseText {
    pub(super) transaction: Digest,
    #[serde(default)]
    pub(super) memo: bool,
    #[serde(default)]
    pub(super) operations: Vec<u8>,
    /// Instead of both.
    #[serde(default)]
    pub(super) all: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with threshold and signers")]
pub(super) struct SignersText {
    pub(super) threshold: u32,
    /// `KEY=WEIGHT`.
    pub(super) signers: Vec<String>,
}

/// What is done in one operation.
#[derive(Debug)]
pub(super) enum What {
    Transfer(TransferText),
    Mint(MintText),
    Burn(BurnText),
    CreateAsset(CreateText),
    Record(RecordText),
    Hold(HoldText),
    Release(ReleaseText),
    Refund(RefundText),
    Erase(EraseText),
    SetSigners(SignersText),
    Governance(Governing),
}

impl ActText {
    pub(super) fn what(self) -> Result<(String, What), Failure> {
        let candidates = [
            self.transfer.map(What::Transfer),
            self.mint.map(What::Mint),
            self.burn.map(What::Burn),
            self.create_asset.map(What::CreateAsset),
            self.record.map(What::Record),
            self.hold.map(What::Hold),
            self.release.map(What::Release),
            self.refund.map(What::Refund),
            self.erase.map(What::Erase),
            self.set_signers.map(What::SetSigners),
            self.grant.map(Governing::Grant).map(What::Governance),
            self.revoke.map(Governing::Revoke).map(What::Governance),
            self.freeze.map(Governing::Freeze).map(What::Governance),
            self.unfreeze.map(Governing::Unfreeze).map(What::Governance),
            self.assign.map(Governing::Assign).map(What::Governance),
            self.propose.map(Governing::Propose).map(What::Governance),
            self.vote.map(Governing::Vote).map(What::Governance),
            self.withdraw.map(Governing::Withdraw).map(What::Governance),
            self.set_guardians
                .map(Governing::SetGuardians)
                .map(What::Governance),
            self.request_signers
                .map(Governing::RequestSigners)
                .map(What::Governance),
            self.decide_request
                .map(Governing::DecideRequest)
                .map(What::Governance),
            self.report_dormant
                .map(Governing::ReportDormant)
                .map(What::Governance),
            self.answer.map(Governing::Answer).map(What::Governance),
            self.divide_quota
                .map(Governing::DivideQuota)
                .map(What::Governance),
        ];
        let mut found = candidates.into_iter().flatten();
        match (found.next(), found.next()) {
            (Some(what), None) => Ok((self.by, what)),
            (None, _) => Err(Failure::usage("it does nothing: name one operation")),
            (Some(_), Some(_)) => Err(Failure::usage("it does several things: write an act for each")),
        }
    }
}
