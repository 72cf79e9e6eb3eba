//! The view change (section 4.4).

use quorate_crypto::{Height, ValidatorIndex};

use super::Replica;
use super::message::View;
use crate::contract::{Record, Rejection};
use crate::message::Message;

#[derive(Clone, Debug, Default)]
pub(super) struct ViewChanges {}

#[derive(Clone, Debug)]
pub(super) struct ProgressTimer {}

impl Replica {
    pub(super) fn update_timers(&mut self) {
        self.update_resend_timer();
    }
    pub(super) fn on_progress_timeout(&mut self, _: View) -> Result<(), Rejection> {
        Err(Rejection::StaleTimer)
    }
    pub(super) fn on_new_view_timeout(&mut self, _: View) -> Result<(), Rejection> {
        Err(Rejection::StaleTimer)
    }
    pub(super) fn on_heartbeat_timeout(&mut self, _: View) -> Result<(), Rejection> {
        Err(Rejection::StaleTimer)
    }
    pub(super) fn on_complaint(
        &mut self,
        _: ValidatorIndex,
        view: View,
        _: Message,
    ) -> Result<(), Rejection> {
        Err(self.wrong_view(view))
    }
    pub(super) fn on_own_complaint(
        &mut self,
        _: ValidatorIndex,
        _: View,
        _: Message,
    ) -> Result<(), Rejection> {
        Err(Rejection::Unasked)
    }
    pub(super) fn on_view_change(&mut self, _: ValidatorIndex, _: Message) -> Result<(), Rejection> {
        Err(self.wrong_view(View(0)))
    }
    pub(super) fn on_own_view_change(&mut self, _: ValidatorIndex, _: Message) -> Result<(), Rejection> {
        Err(Rejection::Unasked)
    }
    pub(super) fn on_new_view(&mut self, _: ValidatorIndex, _: Message) -> Result<(), Rejection> {
        Err(self.wrong_view(View(0)))
    }
    pub(super) fn on_own_new_view(&mut self, _: Message) -> Result<(), Rejection> {
        Err(Rejection::Unasked)
    }
    pub(super) fn answer_about_views(&self, _: View) -> Vec<Message> {
        Vec::new()
    }
    pub(super) fn restore_view(&mut self, _: &[Record]) {}
    pub(super) fn remembers_view(&self, _: &Message) -> bool {
        true
    }
    #[allow(dead_code)]
    fn unused(&self, _: Height) {}
}
