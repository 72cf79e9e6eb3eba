//! Members, proposals, grants and freezes, as calls and pages show them.

use std::sync::Arc;

use quorate_crypto::{MemberNumber, SeatNumber};
use quorate_ledger::{
    Attested, Attesting, Cast, Change, Freeze, FreezeV1, GovernanceProposal, GovernanceProposalV1, Grant,
    GrantV1, Height, Member, MemberStatus, MemberV1, Parameters, ParametersV1, ProposalState, Right, Scope,
    StateValue, Timestamp, decode,
};
use serde_json::json;

use crate::audit::{browse, column, rows};
use crate::explorer::{page, told};
use crate::fake::{Fake, GENESIS_TIME, NAMES, code, wallet};
use crate::story;
use crate::web::{get, router};

/// A time at which nothing has ended.
const LATER: Timestamp = Timestamp(GENESIS_TIME + 86_400_000);

fn proposal(number: u64, member: u32, change: Change) -> GovernanceProposalV1 {
    GovernanceProposalV1 {
        number,
        member: MemberNumber(member),
        height: Height(2),
        expires_at: LATER,
        electorate: (1..=4).map(MemberNumber).collect(),
        change,
        ballots: Vec::new(),
        attested: Vec::new(),
        state: ProposalState::Open,
    }
}

fn ballots(cast: &[(u32, bool)]) -> Vec<Cast> {
    let cast = cast.iter().map(|(member, yes)| Cast {
        member: MemberNumber(*member),
        yes: *yes,
    });
    cast.collect()
}

/// Four proposals: of parameters, one that was executed, one whose time is over, and one about a seat.
fn voted_on() -> Vec<GovernanceProposalV1> {
    let window = Change::Parameters(Parameters::V1(ParametersV1 {
        window: 64,
        ..ParametersV1::default()
    }));
    let removed = || Change::RemoveSeat(SeatNumber(4));
    vec![
        GovernanceProposalV1 {
            ballots: ballots(&[(2, true)]),
            ..proposal(0, 1, window)
        },
        GovernanceProposalV1 {
            state: ProposalState::Executed { height: Height(5) },
            ..proposal(1, 2, Change::ExpelMember(MemberNumber(4)))
        },
        GovernanceProposalV1 {
            // The story's last block is of this time.
            expires_at: Timestamp(GENESIS_TIME + 8 * 60_000),
            ..proposal(2, 1, removed())
        },
        GovernanceProposalV1 {
            ballots: ballots(&[(1, true), (3, false)]),
            attested: vec![Attested {
                seat: Attesting::Sitting(SeatNumber(3)),
                lowest: 1,
                highest: 2,
            }],
            ..proposal(3, 3, removed())
        },
    ]
}

fn governed() -> Arc<Fake> {
    let fake = story::fake();
    let proposals = voted_on().into_iter();
    fake.govern(proposals.map(|proposal| StateValue::GovernanceProposal(GovernanceProposal::V1(proposal))));
    fake
}

/// The numbers of the proposals that a list has.
async fn numbers(fake: &Arc<Fake>, query: &str) -> Vec<u64> {
    let answer = get(&router(fake), &format!("/v1/proposals{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    let list = answer.json();
    let proposals = list["proposals"].as_array().unwrap().iter();
    proposals
        .map(|proposal| proposal["number"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn a_proposal_says_what_changes_who_decides_it_and_what_becomes_of_the_committee() {
    let fake = governed();
    let router = router(&fake);
    let answer = get(&router, "/v1/proposals/3").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("quorate-height")),
        (200, Some("8"))
    );
    let found = answer.json();
    assert_eq!(found["state"], "open");
    assert_eq!(found["member"], json!({ "number": 3, "name": "cumulus-trust" }));
    assert_eq!(found["change"]["words"], "remove seat 4");
    // The bytes are the change's own, and the hash is theirs.
    let change = Change::RemoveSeat(SeatNumber(4));
    assert_eq!(found["hash"], change.digest().to_string());
    let bytes = hex::decode(found["bytes"].as_str().unwrap()).unwrap();
    assert_eq!(decode::<Change>(&bytes, bytes.len()).unwrap(), change);
    // Two thirds of four are three.
    assert_eq!(
        found["count"],
        json!({ "rule": "seats", "majority": "two thirds", "voters": 4, "needed": 3, "yes": 1, "no": 1 })
    );
    assert_eq!(
        found["ballots"][1],
        json!({ "member": { "number": 3, "name": "cumulus-trust" }, "yes": false, "counts": true })
    );
    assert_eq!(
        found["attested"],
        json!([{ "seat": 3, "validator": null, "lowest": 1, "highest": 2 }])
    );
    // Of 4 validators one may lie and 3 are a quorum; of 3 none may, and 2 are.
    let figures = |which: &str| {
        let figures = &found["impact"][which];
        ["n", "f", "quorum", "live", "live_needed", "margin"].map(|name| figures[name].as_i64().unwrap())
    };
    assert_eq!(figures("before"), [4, 1, 3, 4, 4, 1]);
    assert_eq!(figures("after"), [3, 0, 2, 3, 2, 1]);
    assert_eq!(found["impact"]["obstacles"], json!([]));
}

#[tokio::test]
async fn a_change_is_compared_with_what_is_in_force_until_it_is_decided() {
    let router = router(&governed());
    let open = get(&router, "/v1/proposals/0").await.json();
    assert_eq!(open["change"]["words"], "change parameters: window 32 → 64");
    let item = &open["change"]["items"][0];
    assert_eq!((&item["before"], &item["after"]), (&json!("32"), &json!("64")));
    assert_eq!((&item["lowest"], &item["highest"]), (&json!(1), &json!(64)));
    assert_eq!(
        (&open["change"]["waits"], &open["impact"]),
        (&json!(true), &json!(null))
    );
    let executed = get(&router, "/v1/proposals/1").await.json();
    assert_eq!(
        (&executed["state"], &executed["executed"]),
        (&json!("executed"), &json!(5))
    );
    assert_eq!(executed["change"]["items"][1]["before"], json!(null));
    // Nobody has written down yet that its time is over.
    let over = get(&router, "/v1/proposals/2").await.json();
    assert_eq!(
        (&over["state"], &over["impact"]),
        (&json!("expired"), &json!(null))
    );
}

#[tokio::test]
async fn proposals_are_listed_newest_first_by_state_and_by_member() {
    let fake = governed();
    assert_eq!(numbers(&fake, "").await, [3, 2, 1, 0]);
    assert_eq!(numbers(&fake, "?state=open").await, [3, 0]);
    assert_eq!(numbers(&fake, "?state=expired").await, [2]);
    assert_eq!(numbers(&fake, "?state=lapsed").await, [0_u64; 0]);
    assert_eq!(numbers(&fake, "?member=aurora-bank").await, [2, 0]);
    assert_eq!(numbers(&fake, "?member=3").await, [3]);
    let router = router(&fake);
    let (mut found, mut query) = (Vec::new(), "?limit=1".to_owned());
    loop {
        let list = get(&router, &format!("/v1/proposals{query}")).await.json();
        let page = list["proposals"].as_array().unwrap();
        assert!(page.len() <= 1, "{list}");
        found.extend(page.iter().map(|proposal| proposal["number"].as_u64().unwrap()));
        let Some(next) = list["next"].as_str() else {
            break;
        };
        query = format!("?limit=1&cursor={next}");
    }
    assert_eq!(found, [3, 2, 1, 0]);
    // A cursor is of its own list.
    let next = query.split("cursor=").nth(1).unwrap();
    let other = get(&router, &format!("/v1/proposals?state=open&cursor={next}")).await;
    assert_eq!(other.problem(), (400, "malformed_cursor".to_owned()));
}

#[tokio::test]
async fn what_is_no_proposal_or_member_is_told_so() {
    let router = router(&governed());
    for (path, status, code) in [
        ("/v1/proposals/4", 404, "unknown_proposal"),
        ("/v1/proposals/three", 400, "malformed_number"),
        ("/v1/proposals?state=half", 400, "malformed_state"),
        ("/v1/proposals?member=nobody", 404, "unknown_member"),
        ("/v1/members/nobody", 404, "unknown_member"),
        ("/v1/members/no%20body", 400, "malformed_member"),
        ("/v1/proposals?member=!", 400, "malformed_member"),
        ("/v1/members/99", 404, "unknown_member"),
    ] {
        let answer = get(&router, path).await;
        assert_eq!(answer.problem(), (status, code.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_member_is_found_by_its_number_and_by_its_name_whatever_the_case() {
    let router = router(&governed());
    let by_name = get(&router, "/v1/members/borealis").await.json();
    assert_eq!(by_name["number"], 2);
    assert_eq!(get(&router, "/v1/members/2").await.json(), by_name);
    assert_eq!(get(&router, "/v1/members/Borealis").await.json(), by_name);
    let first = get(&router, "/v1/members?limit=3").await.json();
    assert_eq!(first["members"].as_array().unwrap().len(), 3);
    let next = first["next"].as_str().unwrap();
    let rest = get(&router, &format!("/v1/members?limit=3&cursor={next}"))
        .await
        .json();
    assert_eq!(rest["members"][0]["name"], NAMES[3]);
    assert_eq!(
        (rest["members"].as_array().unwrap().len(), &rest["next"]),
        (1, &json!(null))
    );
}

#[tokio::test]
async fn a_dormant_member_has_no_vote_and_its_ballot_does_not_count() {
    let fake = governed();
    fake.govern([StateValue::Member(Member::V1(MemberV1 {
        number: MemberNumber(3),
        name: NAMES[2].to_owned(),
        account: wallet(103),
        status: MemberStatus::Dormant,
        seats: 1,
        since: Timestamp(GENESIS_TIME),
        signed: Timestamp(GENESIS_TIME),
        reported: None,
        open: vec![3],
    }))]);
    let router = router(&fake);
    let found = get(&router, "/v1/proposals/3").await.json();
    // Two thirds of three voters are two; a third of the four that have not left is two, too.
    assert_eq!(
        found["count"],
        json!({ "rule": "seats", "majority": "two thirds", "voters": 3, "needed": 2, "yes": 1, "no": 0 })
    );
    assert_eq!(found["ballots"][1]["counts"], false);
    let member = get(&router, "/v1/members/3").await.json();
    assert_eq!(
        (&member["status"], &member["open_proposals"]),
        (&json!("dormant"), &json!([3]))
    );
}

#[tokio::test]
async fn an_account_says_what_it_was_granted_and_what_it_is_frozen_for() {
    let fake = governed();
    let holder = wallet(12);
    fake.govern([
        StateValue::Grant(Grant::V1(GrantV1 {
            account: holder,
            right: Right::Mint,
            scope: Scope::Asset(code("CO2")),
            by: wallet(13),
            ordinal: 7,
        })),
        StateValue::Freeze(Freeze::V1(FreezeV1 {
            account: holder,
            asset: Some(code("QRT")),
            by: wallet(10),
            ordinal: 8,
            timestamp: Timestamp(GENESIS_TIME),
        })),
    ]);
    let router = router(&fake);
    let account = get(&router, &format!("/v1/accounts/{holder}")).await.json();
    // To mint is a right, and no role.
    assert_eq!(account["roles"], json!([]));
    assert_eq!(
        account["grants"],
        json!([{ "right": "mint", "scope": "asset", "member": null, "asset": "CO2", "by": wallet(13) }])
    );
    assert_eq!(account["freezes"][0]["asset"], "QRT");
    assert_eq!(account["freezes"][0]["timestamp"], "2026-03-01T09:00:00.000Z");
    let of_member = get(&router, &format!("/v1/accounts/{}", wallet(102)))
        .await
        .json();
    assert_eq!(of_member["roles"], json!(["administrator"]));
    let shown = page(&router, &format!("/accounts/{holder}")).await;
    assert_eq!(told(&column(&shown, "grants", "Right")), ["Mint"]);
    assert_eq!(told(&column(&shown, "freezes", "For")), ["QRT"]);
}

#[tokio::test]
async fn the_explorer_shows_proposals_in_a_list_a_page_and_a_file() {
    let fake = governed();
    let router = router(&fake);
    let list = page(&router, "/proposals").await;
    assert_eq!(told(&column(&list, "proposals", "Number")), ["3", "2", "1", "0"]);
    assert_eq!(told(&column(&list, "proposals", "Change"))[0], "Remove seat 4");
    let open = page(&router, "/proposals?state=open").await;
    assert_eq!(told(&column(&open, "proposals", "Number")), ["3", "0"]);
    let own = page(&router, "/proposals/3").await;
    assert_eq!(
        told(&column(&own, "ballots", "Member")),
        ["aurora-bank", "cumulus-trust"]
    );
    assert_eq!(told(&column(&own, "impact", "With the change"))[2], "3");
    let hash = Change::RemoveSeat(SeatNumber(4)).digest().to_string();
    assert!(own.contains(&hash), "{own}");
    assert!(own.contains("Without a vote"), "{own}");
    let file = rows(&browse(&router, "/proposals.csv").await);
    assert_eq!(file.len(), 4);
    assert_eq!(
        (file[0]["kind"].as_str(), file[0]["state"].as_str()),
        ("remove-seat", "open")
    );
    assert_eq!(
        (file[2]["state"].as_str(), file[2]["executed"].as_str()),
        ("executed", "5")
    );
    for (path, status) in [
        ("/proposals/9", 404),
        ("/proposals/x", 400),
        ("/proposals?state=x", 400),
        ("/proposals.csv?sort=up", 400),
    ] {
        assert_eq!(browse(&router, path).await.status.as_u16(), status, "{path}");
    }
    let member = page(&router, "/members/aurora-bank").await;
    assert_eq!(told(&column(&member, "roles", "Right")), ["Administrator"]);
}
