//! Which derivations are computed one after the other over one connection, and which views are computed once for them.
//!
//! Owns: that question, answered from the views alone. Never: computes anything.

use std::sync::Arc;

use crate::mapping::site::Site;
use crate::schema::view::View;

/// Derivations that one thread computes one after the other.
pub(super) struct Group {
    /// Their places among the views given, ascending.
    pub members: Vec<usize>,
    /// Views that more than one of them reads, each after those it reads itself.
    pub shared: Vec<Arc<View>>,
}

/// Groups of derivations by their views: who has a view declared `shared` in common is in one, in the order of the first.
pub(super) fn groups(site: &Site, views: &[&View]) -> Vec<Group> {
    let mut groups: Vec<Group> =
        (0..views.len()).map(|place| Group { members: vec![place], shared: Vec::new() }).collect();
    for view in site.views.values().filter(|view| view.shared) {
        let reads = |place: &usize| views[*place].name == view.name || site.reads(views[*place], &view.name);
        if (0..views.len()).filter(reads).count() < 2 {
            continue;
        }
        let mut one = Group { members: Vec::new(), shared: vec![Arc::clone(view)] };
        groups.retain_mut(|group| {
            let apart = !group.members.iter().any(reads);
            if !apart {
                one.members.append(&mut group.members);
                one.shared.append(&mut group.shared);
            }
            apart
        });
        groups.push(one);
    }
    for group in groups.iter_mut().filter(|group| !group.shared.is_empty()) {
        group.members.sort_unstable();
        let members: Vec<&View> = group.members.iter().map(|place| views[*place]).collect();
        group.shared = computed_once(site, &members, &group.shared);
    }
    groups.sort_unstable_by_key(|group| group.members.first().copied());
    groups
}

/// The shared views with those that more than one of them, or of the members, would compute for itself.
fn computed_once(site: &Site, members: &[&View], shared: &[Arc<View>]) -> Vec<Arc<View>> {
    let read = |view: &View| site.views.values().filter(|other| site.reads(view, &other.name)).count();
    let mut all: Vec<&Arc<View>> = site.views.values().collect();
    // What reads a view reads more than it does, so whoever may read it has been judged before it.
    all.sort_by_cached_key(|view| (std::cmp::Reverse(read(view)), view.id.clone()));
    let mut once: Vec<Arc<View>> = shared.to_vec();
    for view in all {
        if has(&once, view) {
            continue;
        }
        let others = members.iter().copied().filter(|member| !has(&once, member));
        let readers = once.iter().map(Arc::as_ref).chain(others);
        let readers = readers.filter(|reader| reader.name == view.name || computes(site, reader, view, &once)).count();
        if readers > 1 {
            once.push(Arc::clone(view));
        }
    }
    once.sort_by_cached_key(|view| (read(view), view.id.clone()));
    once
}

/// Does computing `reader` mean computing `view`, when some are computed already?
fn computes(site: &Site, reader: &View, view: &View, computed: &[Arc<View>]) -> bool {
    let (mut seen, mut todo) = (Vec::new(), vec![reader]);
    while let Some(open) = todo.pop() {
        if open.uses.contains(&view.name) {
            return true;
        }
        seen.push(open.name.as_str());
        let is_next = |next: &&View| {
            open.uses.contains(&next.name) && !seen.contains(&next.name.as_str()) && !has(computed, next)
        };
        todo.extend(site.views.values().map(Arc::as_ref).filter(is_next));
    }
    false
}

fn has(views: &[Arc<View>], view: &View) -> bool {
    views.iter().any(|other| other.name == view.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivations_with_a_shared_view_in_common_are_one_group_and_no_view_is_computed_twice_in_it() {
        let (site, _) = crate::mapping::site::load(std::path::Path::new(env!("CARGO_MANIFEST_DIR"))).expect("loads");
        let plans = site.derive_order();
        let views: Vec<&View> = plans.iter().map(|plan| plan.view.as_ref()).collect();
        let groups = groups(&site, &views);
        let mut places: Vec<usize> = groups.iter().flat_map(|group| group.members.clone()).collect();
        places.sort_unstable();
        assert_eq!(places, (0..views.len()).collect::<Vec<_>>(), "each derivation is computed once");
        assert!(groups.iter().any(|group| group.members.len() > 1), "the shipped views are shared");
        for view in site.views.values().filter(|view| view.shared) {
            let reads = |place: &usize| views[*place].name == view.name || site.reads(views[*place], &view.name);
            let readers: Vec<&Group> = groups.iter().filter(|group| group.members.iter().any(reads)).collect();
            assert_eq!(readers.len(), 1, "{}", view.id);
            assert!(readers[0].shared.iter().any(|shared| shared.id == view.id), "{}", view.id);
        }
        for group in &groups {
            assert!(group.members.is_sorted());
            let shared = &group.shared;
            for (place, view) in shared.iter().enumerate() {
                assert!(shared[place..].iter().all(|later| !site.reads(view, &later.name)), "{}", view.id);
            }
            let members = group.members.iter().map(|place| views[*place]);
            let alone = members.filter(|member| shared.iter().all(|view| view.name != member.name));
            let readers: Vec<&View> = shared.iter().map(Arc::as_ref).chain(alone).collect();
            for view in site.views.values().filter(|view| shared.iter().all(|other| other.name != view.name)) {
                let twice = readers.iter().filter(|reader| computes(&site, reader, view, shared)).count();
                assert!(twice < 2 || shared.is_empty(), "{}", view.id);
            }
        }
    }
}
