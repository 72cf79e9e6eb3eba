//! The lies by name.

use std::str::FromStr;
use std::time::Duration;

use quorate_crypto::ValidatorIndex;
use quorate_lies::{Choosy, Doubled};

/// How a validator lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// It says, gives and serves nothing.
    Silent,
    /// It hears and answers, and votes no more.
    Fades,
    /// It speaks to every other peer alone.
    Half,
    /// Its proposals are shown to some alone.
    Choosy(Choosy),
    /// It orders one batch of its own stock at a time, as late as it may.
    Trickle {
        /// Between two of them; nine tenths of the progress timer unless told.
        every: Option<Duration>,
    },
    /// It always has proposals of its own small batches under way.
    Crowder {
        /// Whose batches it leaves out; those of all others if of none.
        leaves_out: Option<ValidatorIndex>,
    },
    /// What it says leaves late by so many percent of the progress timer, its proposals one after the other.
    Late {
        /// Percent.
        percent: u32,
    },
    /// Its proposals are so much older than they should be.
    Backdater {
        /// By how many milliseconds; a minute unless told.
        by_ms: u64,
    },
    /// Its proposals name no batches.
    Empty,
    /// Half of its peers see other proposals, and votes for these.
    Equivocator,
    /// Half of its peers see other votes.
    DoubleVoter(Doubled),
    /// It forges view-changes and new-views, and says former ones again.
    Forger,
    /// It begins each view that it leads in two ways.
    TwoViews,
    /// It keeps its seals, and the blocks that they certify, for itself.
    SealHoarder {
        /// Who gets the blocks.
        serves: Option<ValidatorIndex>,
    },
    /// It keeps the first certificate of each height, and brings it up in later views.
    Hoarder,
    /// It asks for the next view, again and again.
    Repeater,
    /// It complains about each primary.
    Complainer,
    /// Batches of its own are shown to one peer alone.
    ShownToOne,
    /// Batches of its own are shown to nobody.
    Withheld,
    /// It gives nobody what is missing, and tells little of what it votes and packs.
    Withholder,
    /// It says again what others asked first, a thousand times a second.
    Pesterer,
    /// It passes on what belongs to other networks and epochs.
    Replayer,
    /// It alters what it says at random.
    Mutant,
    /// It begins views by itself.
    Usurper,
    /// What it sends is often no message.
    Garbler,
    /// It sends junk as fast as links take it.
    Flooder,
    /// Each block that it serves takes so long.
    SlowSync {
        /// How long.
        pace: Duration,
    },
}

/// The names, with what each does.
pub(crate) const ALL: [(&str, &str); 28] = [
    ("silent", "says, gives and serves nothing"),
    ("fades", "hears and answers, and votes no more"),
    ("half", "speaks to every other peer alone"),
    (
        "choosy:MASK",
        "shows proposals to some alone, bit i for validator i",
    ),
    (
        "trickle[:MS]",
        "orders one batch of its own stock at a time, as late as it may",
    ),
    (
        "crowder[:INDEX]",
        "hides behind proposals of its own, leaves out all others or one",
    ),
    (
        "late:PERCENT",
        "says everything late, by so much of the progress timer",
    ),
    ("backdater[:MS]", "holds back time: proposes in the past"),
    ("empty", "proposes nothing, in time"),
    ("equivocator", "shows half of its peers other proposals"),
    ("double-voter", "tells half of its peers other votes"),
    ("double-sealer", "tells half of its peers other seals"),
    ("forger", "forges view-changes and new-views, repeats former ones"),
    ("two-views", "begins each of its views in two ways"),
    (
        "seal-hoarder[:INDEX]",
        "keeps seals and blocks for itself, or for one more",
    ),
    (
        "hoarder",
        "votes on nothing, brings up old certificates in view changes",
    ),
    ("repeater", "asks for the next view, again and again"),
    ("complainer", "complains about each primary"),
    ("shown-to-one", "shows batches of its own to one peer alone"),
    ("withheld", "shows batches of its own to nobody"),
    ("withholder", "gives nobody what is missing, tells little"),
    ("pesterer", "says again what others asked first"),
    ("replayer", "passes on what belongs elsewhere"),
    ("mutant", "alters what it says at random"),
    ("usurper", "begins views by itself"),
    ("garbler", "sends what is often no message"),
    ("flooder", "sends junk as fast as links take it"),
    ("slow-sync[:MS]", "serves each block late"),
];

impl FromStr for Lie {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, parameter) = match text.split_once(':') {
            Some((name, parameter)) => (name, Some(parameter)),
            None => (text, None),
        };
        let number = |what: &str| -> Result<Option<u64>, String> {
            let read = |text: &str| {
                text.parse()
                    .map_err(|_| format!("`{name}` wants {what}, not `{text}`"))
            };
            parameter.map(read).transpose()
        };
        let needed = |what: &str| number(what)?.ok_or_else(|| format!("`{name}` wants {what}: {name}:N"));
        let index = || -> Result<Option<ValidatorIndex>, String> {
            let index = number("a validator's index")?.map(u16::try_from).transpose();
            let index = index.map_err(|_| "no validator has such an index")?;
            Ok(index.map(ValidatorIndex))
        };
        let plain = |lie: Self| match parameter {
            None => Ok(lie),
            Some(_) => Err(format!("`{name}` has no parameter")),
        };
        match name {
            "silent" => plain(Self::Silent),
            "fades" => plain(Self::Fades),
            "half" => plain(Self::Half),
            "choosy" => Ok(Self::Choosy(Choosy {
                shown: needed("a mask of validators")?.into(),
            })),
            "trickle" => Ok(Self::Trickle {
                every: number("milliseconds")?.map(Duration::from_millis),
            }),
            "crowder" => Ok(Self::Crowder { leaves_out: index()? }),
            "late" => {
                let percent = needed("percent of the progress timer")?;
                let percent = u32::try_from(percent).ok().filter(|percent| *percent <= 1_000);
                let percent = percent.ok_or("at most 1000 percent")?;
                Ok(Self::Late { percent })
            }
            "backdater" => Ok(Self::Backdater {
                by_ms: number("milliseconds")?.unwrap_or(60_000),
            }),
            "empty" => plain(Self::Empty),
            "equivocator" => plain(Self::Equivocator),
            "double-voter" => plain(Self::DoubleVoter(Doubled::Votes)),
            "double-sealer" => plain(Self::DoubleVoter(Doubled::Seals)),
            "forger" => plain(Self::Forger),
            "two-views" => plain(Self::TwoViews),
            "seal-hoarder" => Ok(Self::SealHoarder { serves: index()? }),
            "hoarder" => plain(Self::Hoarder),
            "repeater" => plain(Self::Repeater),
            "complainer" => plain(Self::Complainer),
            "shown-to-one" => plain(Self::ShownToOne),
            "withheld" => plain(Self::Withheld),
            "withholder" => plain(Self::Withholder),
            "pesterer" => plain(Self::Pesterer),
            "replayer" => plain(Self::Replayer),
            "mutant" => plain(Self::Mutant),
            "usurper" => plain(Self::Usurper),
            "garbler" => plain(Self::Garbler),
            "flooder" => plain(Self::Flooder),
            "slow-sync" => Ok(Self::SlowSync {
                pace: Duration::from_millis(number("milliseconds")?.unwrap_or(1_000)),
            }),
            _ => Err(format!("no lie is named `{name}`; see `quorate-liar lies`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lie_that_is_named_can_be_told() {
        for (shown, _) in ALL {
            let name = shown.split(['[', ':']).next().unwrap();
            let text = match shown.contains(':') && !shown.contains('[') {
                true => format!("{name}:5"),
                false => name.to_owned(),
            };
            assert!(text.parse::<Lie>().is_ok(), "{text}");
        }
        assert!("late".parse::<Lie>().is_err() && "silent:3".parse::<Lie>().is_err());
    }
}
