//! Talking to validators: readiness and status for people, and which peers they are to refuse.

use std::time::Duration;

use quorate_client::Client;
use quorate_client::schema::{Problem, Status};

use super::ValidatorEntry;
use crate::failure::Failure;
use crate::output::printable;

/// How long a validator of this machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where peers to be refused are put.
const DENY_PATH: &str = "debug/deny";

/// An HTTP client for operations listeners.
pub struct Control {
    http: reqwest::Client,
}

impl Control {
    /// A client.
    pub fn new() -> Result<Self, Failure> {
        let http = quorate_client::plain_http()
            .timeout(PATIENCE)
            .build()
            .map_err(|error| Failure::failed(format!("cannot make HTTP requests: {error}")))?;
        Ok(Self { http })
    }

    /// Whether the validator says that it is ready, else why not.
    pub async fn ready(&self, validator: &ValidatorEntry) -> Result<(), String> {
        let answer = self.http.get(format!("{}/readyz", validator.ops)).send().await;
        match answer {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(format!("not ready: {}", said(response).await)),
            Err(_) => Err("its operations listener does not answer".to_owned()),
        }
    }

    /// The same, but that one that follows the chain and does not vote will do, or where too few vote: starting
    /// it changes nothing about that.
    pub async fn serves(&self, validator: &ValidatorEntry) -> Result<(), String> {
        let answer = self.ready(validator).await;
        let silenced = async || {
            let status = self.status(validator).await;
            status.is_ok_and(|status| status.does_not_vote.is_some() || status.no_quorum_left.is_some())
        };
        match answer {
            Err(_) if silenced().await => Ok(()),
            answer => answer,
        }
    }

    /// Validators that a certificate needs, as this one says.
    pub async fn quorum(&self, validator: &ValidatorEntry) -> Option<usize> {
        let client = Client::new([validator.api.as_str()]).ok()?;
        let list = tokio::time::timeout(PATIENCE, client.validators())
            .await
            .ok()?
            .ok()?;
        usize::try_from(list.quorum).ok()
    }

    /// Whether the validator's process answers, ready or not.
    pub async fn is_alive(&self, validator: &ValidatorEntry) -> bool {
        let answer = self.http.get(format!("{}/livez", validator.ops)).send().await;
        answer.is_ok_and(|response| response.status().is_success())
    }

    /// What the validator says about itself.
    pub async fn status(&self, validator: &ValidatorEntry) -> Result<Status, String> {
        let client = Client::new([validator.api.as_str()]).map_err(|error| error.to_string())?;
        match tokio::time::timeout(PATIENCE, client.status()).await {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    /// Makes the validator refuse exactly the peers with these names.
    pub async fn deny(&self, validator: &ValidatorEntry, names: &[String]) -> Result<(), String> {
        let answer = self
            .http
            .put(format!("{}/{DENY_PATH}", validator.ops))
            .json(names)
            .send()
            .await;
        match answer {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(said(response).await),
            Err(_) => Err("its operations listener does not answer".to_owned()),
        }
    }
}

/// Why a call failed, in the words of whoever answered.
async fn said(response: reqwest::Response) -> String {
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    match serde_json::from_str::<Problem>(&text) {
        Ok(problem) => printable(&problem.detail),
        Err(_) => format!("{status}, {}", printable(text.trim())),
    }
}
