//! `[[hold]]` of an outbound mapping → [`Hold`].
//!
//! Owns: its keys, and that its message shows nothing it protects. Never: decides whether a hold is needed
//! (`guard_lint`).

use super::context::Context;
use super::load_mask::{self, Mask};
use super::plan::{Hold, HoldTest};
use super::scope::{Names, judge_code, judge_message};
use crate::schema::keys;
use crate::schema::toml_read::Node;
use crate::schema::view::View;
use crate::value::Type;

/// Reads one hold: a guard's, or one of the mapping's own.
pub(super) fn hold(node: &Node<'_>, view: &View, context: &Context<'_>, names: &Names<'_>) -> Option<Hold> {
    if node.has("guard") { guarded(node, view, context) } else { own(node, view, context, names) }
}

fn guarded(node: &Node<'_>, view: &View, context: &Context<'_>) -> Option<Hold> {
    let Mask { guard, key, carried } = load_mask::mask(node, &keys::HOLD, view, context)?;
    Some(Hold {
        code: guard.id.clone(),
        fields: Vec::new(),
        message: guard.message.clone(),
        action: guard.action.clone(),
        place: node.place(),
        test: HoldTest::Guard { guard, key, carried },
    })
}

fn own(node: &Node<'_>, view: &View, context: &Context<'_>, names: &Names<'_>) -> Option<Hold> {
    let code = node.str("code");
    let when = node.str("when");
    let fields = node.opt_list("fields").unwrap_or_default();
    let message = node.str("message");
    let action = node.opt_str("action");
    node.finish(&keys::HOLD);
    if let Some(code) = &code {
        judge_code(code);
    }
    for field in fields.iter().filter(|f| !view.columns.iter().any(|(name, _)| name == f.value)) {
        field.unknown("ビューの列", view.columns.iter().map(|(name, _)| name.as_str()));
    }
    // What is protected, secret or guarded must not show in the message, which stands in reports.
    let may_show = |index: usize, name: &str| {
        !fields.iter().any(|f| f.value == name)
            && !context.carried.is_secret(context.entities, view, index)
            && context.carried.guards(context.entities, view, index).is_empty()
    };
    let shown = view.columns.iter().enumerate().filter(|(i, (name, _))| may_show(*i, name));
    let shown: Vec<&str> = shown.map(|(_, (name, _))| name.as_str()).collect();
    if let Some(message) = &message {
        judge_message(message, &shown);
    }
    let when = when.and_then(|text| names.compile(&text, Type::Bool));
    Some(Hold {
        code: code?.value.to_owned(),
        test: HoldTest::When(when?),
        fields: fields.iter().map(|f| f.value.to_owned()).collect(),
        message: message?.value.to_owned(),
        action: action.map(|a| a.value.to_owned()).unwrap_or_default(),
        place: node.place(),
    })
}
