//! Which columns of entities show in the columns of views, through views of views.
//!
//! Owns: that answer for the whole site. Never: decides what may be shown (`guard_lint`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::expr::query_origin::{self, Columns, Origins};
use crate::schema::entity::{Column, Entity};
use crate::schema::view::View;

/// By id of a view: for each of its columns, where its values may come from.
#[derive(Debug, Clone, Default)]
pub struct Carried {
    by_view: BTreeMap<String, Vec<Origins>>,
}

type Entities = BTreeMap<String, Arc<Entity>>;

impl Carried {
    /// Follows every view down to entities.
    pub fn of(entities: &Entities, views: &BTreeMap<String, Arc<View>>) -> Self {
        let mut known: BTreeMap<String, Columns> = BTreeMap::new();
        for entity in entities.values() {
            let columns = entity.columns.iter().map(|c| {
                let origin = format!("{}.{}", entity.id, c.name);
                (c.name.clone(), Origins::from([origin]))
            });
            known.insert(entity.name.clone(), columns.collect());
        }
        let mut waiting: Vec<&Arc<View>> = views.values().collect();
        // Views that name each other in a circle are refused elsewhere; here they end the loop.
        while !waiting.is_empty() {
            let of_views: BTreeSet<&str> = waiting.iter().map(|v| v.name.as_str()).collect();
            let (ready, rest): (Vec<_>, Vec<_>) = waiting
                .iter()
                .copied()
                .partition(|view| view.uses.iter().all(|name| !of_views.contains(name.as_str())));
            if ready.is_empty() {
                break;
            }
            for view in ready {
                let table = |name: &str| known.get(name).cloned().unwrap_or_default();
                let columns = query_origin::origins(&view.sql, &table);
                known.insert(view.name.clone(), columns);
            }
            waiting = rest;
        }
        let by_view = views.values().map(|view| {
            let found = known.get(&view.name).map_or(&[][..], Vec::as_slice);
            let of = |name: &str| found.iter().find(|(n, _)| n == name).map(|(_, o)| o.clone()).unwrap_or_default();
            (view.id.clone(), view.columns.iter().map(|(name, _)| of(name)).collect())
        });
        Carried { by_view: by_view.collect() }
    }

    /// Columns of entities that may show in a column of a view (index).
    pub fn columns<'e>(
        &'e self,
        entities: &'e Entities,
        view: &View,
        column: usize,
    ) -> impl Iterator<Item = (&'e Entity, &'e Column)> {
        let origins = self.by_view.get(&view.id).and_then(|columns| columns.get(column));
        origins.into_iter().flatten().filter_map(|origin| {
            let (entity, name) = origin.split_once('.')?;
            let entity = entities.get(entity)?;
            Some((&**entity, &entity.columns[entity.column(name)?]))
        })
    }

    /// May a column of a view hold tokens of the vault?
    pub fn is_vault(&self, entities: &Entities, view: &View, column: usize) -> bool {
        self.columns(entities, view, column).any(|(_, c)| c.vault)
    }

    /// May a column of a view show something secret?
    pub fn is_secret(&self, entities: &Entities, view: &View, column: usize) -> bool {
        self.columns(entities, view, column).any(|(_, c)| c.secret)
    }

    /// Ids of the guards of what a column of a view may show.
    pub fn guards<'e>(&'e self, entities: &'e Entities, view: &View, column: usize) -> BTreeSet<&'e str> {
        self.columns(entities, view, column).filter_map(|(_, c)| c.guard.as_deref()).collect()
    }
}
