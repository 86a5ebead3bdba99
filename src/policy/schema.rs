//! Translates between our nouns and Cedar's: the schema, and a request as Cedar sees it.
//!
//! Only this file knows the names of entity types and attributes; `ai-crm.cedarschema` declares
//! them. A new attribute stands in both, and a test compares them.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::str::FromStr;

use cedar_policy as cedar;
use cedar_policy::RestrictedExpression as Value;

use super::{ActionGroup, ActionSpec, PolicyIssue, Request, shipped_text};
use crate::domain::event::PlaceKind;
use crate::domain::principal::Standing;

const SCHEMA_FILE: &str = "ai-crm.cedarschema";

/// Entity types, spelled as the schema spells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntityType {
    Action,
    Channel,
    Group,
    Place,
    PlaceKind,
    Role,
    Standing,
    Tenant,
    Tool,
    User,
}

impl EntityType {
    const ALL: [Self; 10] = [
        Self::Action,
        Self::Channel,
        Self::Group,
        Self::Place,
        Self::PlaceKind,
        Self::Role,
        Self::Standing,
        Self::Tenant,
        Self::Tool,
        Self::User,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Action => "Action",
            Self::Channel => "Channel",
            Self::Group => "Group",
            Self::Place => "Place",
            Self::PlaceKind => "PlaceKind",
            Self::Role => "Role",
            Self::Standing => "Standing",
            Self::Tenant => "Tenant",
            Self::Tool => "Tool",
            Self::User => "User",
        }
    }
}

/// The schema with everything of it that every request needs, made once.
pub(super) struct Vocabulary {
    text: String,
    schema: cedar::Schema,
    kinds: [cedar::EntityTypeName; EntityType::ALL.len()],
    actions: HashMap<&'static str, ActionGroup>,
    action_entities: cedar::Entities,
    /// Whether a policy may look at other actions than the one that is asked.
    all_actions: bool,
}

impl Vocabulary {
    /// Makes the schema for a table of actions.
    pub(super) fn new(specs: &[ActionSpec]) -> Result<Self, Vec<PolicyIssue>> {
        let mut actions = HashMap::new();
        let mut issues = Vec::new();
        for spec in specs {
            if let Some(what) = unfit(spec, &actions) {
                let mend = "give every command its own name of letters, digits, `.`, `-` and `_`";
                issues.push(PolicyIssue::at("table of actions", "", 0, what, mend));
            }
            actions.insert(spec.name, spec.group);
        }
        if !issues.is_empty() {
            return Err(issues);
        }
        let text = schema_text(specs);
        let schema = cedar::Schema::from_cedarschema_str(&text).map(|(schema, _)| schema).map_err(|error| {
            let mend = "the schema is part of the program; report this with the table of actions";
            vec![PolicyIssue::at(SCHEMA_FILE, "", 0, error.to_string(), mend)]
        })?;
        let action_entities = schema.action_entities().expect("invariant: a schema that parses has its actions");
        let kinds = EntityType::ALL.map(|kind| {
            cedar::EntityTypeName::from_str(kind.as_str()).expect("invariant: every kind is spelled as an identifier")
        });
        Ok(Self { text, schema, kinds, actions, action_entities, all_actions: false })
    }

    /// The whole schema with the generated actions.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What policies are validated against.
    pub(super) fn schema(&self) -> &cedar::Schema {
        &self.schema
    }

    /// Gives policies every action to look at, not only the one that is asked and its groups; that
    /// costs each decision more than all the rest.
    pub(super) fn show_all_actions(&mut self) {
        self.all_actions = true;
    }

    /// The names of the actions of a group, sorted.
    pub(super) fn actions_of(&self, group: ActionGroup) -> Vec<&'static str> {
        let mut names: Vec<_> = self.actions.iter().filter(|(_, of)| **of == group).map(|(name, _)| *name).collect();
        names.sort_unstable();
        names
    }

    /// The request as Cedar sees it, with the entities that policies may look at.
    ///
    /// An error says in words for people what of the request does not fit.
    pub(super) fn pose(&self, request: &Request<'_>) -> Result<(cedar::Request, cedar::Entities), String> {
        if !self.actions.contains_key(request.action) {
            return Err(format!("there is no action `{}`", request.action));
        }
        let subject = request.subject;
        let user = self.uid(EntityType::User, &subject.id);
        let groups: HashSet<_> = subject.groups.iter().map(|group| self.uid(EntityType::Group, group)).collect();
        let known = Value::new_bool(subject.known);
        let attributes = HashMap::from([
            ("known".to_owned(), known),
            ("role".to_owned(), self.value(EntityType::Role, subject.role.as_str())),
            ("standing".to_owned(), self.value(EntityType::Standing, standing_word(subject.standing))),
        ]);
        let user_entity = cedar::Entity::new(user.clone(), attributes, groups).map_err(|error| error.to_string())?;

        let (place_id, kind, shared) = match request.place {
            Some(place) => (place.id.as_str(), place.kind, place.shared),
            None => ("", PlaceKind::Unknown, false),
        };
        let place = self.uid(EntityType::Place, place_id);
        let attributes = HashMap::from([
            ("kind".to_owned(), self.value(EntityType::PlaceKind, place_kind_word(kind))),
            ("shared".to_owned(), Value::new_bool(shared)),
        ]);
        let place_entity =
            cedar::Entity::new(place.clone(), attributes, HashSet::new()).map_err(|error| error.to_string())?;

        let context = self.context(request)?;
        let action = self.uid(EntityType::Action, request.action);
        let entities = if self.all_actions {
            self.action_entities.clone().add_entities([user_entity, place_entity], None)
        } else {
            let action_entity = self.action_entities.get(&action).cloned();
            cedar::Entities::from_entities([user_entity, place_entity].into_iter().chain(action_entity), None)
        };
        let entities = entities.map_err(|error| error.to_string())?;
        let posed = cedar::Request::new(user, action, place, context, None).map_err(|error| error.to_string())?;
        Ok((posed, entities))
    }

    fn context(&self, request: &Request<'_>) -> Result<cedar::Context, String> {
        let mut context = vec![
            ("channel".to_owned(), self.value(EntityType::Channel, request.channel.as_str())),
            ("tenant".to_owned(), self.value(EntityType::Tenant, request.tenant.as_str())),
        ];
        context.extend(request.tool.map(|tool| ("tool".to_owned(), self.value(EntityType::Tool, tool))));
        cedar::Context::from_pairs(context).map_err(|error| error.to_string())
    }

    fn uid(&self, kind: EntityType, id: &str) -> cedar::EntityUid {
        let name = self.kinds[kind as usize].clone();
        cedar::EntityUid::from_type_name_and_id(name, cedar::EntityId::new(id))
    }

    fn value(&self, kind: EntityType, id: &str) -> Value {
        Value::new_entity_uid(self.uid(kind, id))
    }
}

/// An entity as policies write it, with every character escaped that could end its text.
pub(super) fn literal(kind: EntityType, id: &str) -> String {
    format!("{}::\"{}\"", kind.as_str(), cedar::EntityId::new(id).escaped())
}

fn unfit(spec: &ActionSpec, seen: &HashMap<&'static str, ActionGroup>) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if spec.name.is_empty() || !spec.name.chars().all(fits) {
        Some(format!("`{}` cannot be the name of an action", spec.name))
    } else if ActionGroup::ALL.iter().any(|group| group.as_str() == spec.name) {
        Some(format!("the action `{}` has the name of a group", spec.name))
    } else if seen.contains_key(spec.name) {
        Some(format!("the action `{}` stands twice in the table", spec.name))
    } else {
        None
    }
}

fn schema_text(specs: &[ActionSpec]) -> String {
    let mut text = shipped_text(SCHEMA_FILE).to_owned();
    let mut specs = specs.to_vec();
    specs.sort_by_key(|spec| spec.name);
    for spec in specs {
        let (name, group) = (spec.name, spec.group.as_str());
        let applies = "appliesTo { principal: User, resource: Place, context: Circumstances }";
        write!(text, "\naction \"{name}\" in [\"{group}\"] {applies};").expect("invariant: a String takes all text");
    }
    text.push('\n');
    text
}

pub(super) fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Member => "member",
        Standing::Guest => "guest",
        Standing::Stranger => "stranger",
        Standing::Deactivated => "deactivated",
        Standing::Bot => "bot",
    }
}

fn place_kind_word(kind: PlaceKind) -> &'static str {
    match kind {
        PlaceKind::Direct => "direct",
        PlaceKind::Private => "private",
        PlaceKind::Public => "public",
        PlaceKind::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{ChannelName, Place};
    use crate::domain::ids::TenantId;
    use crate::domain::principal::Role;
    use crate::policy::Subject;
    use crate::policy::testing::ACTIONS;

    #[test]
    fn every_request_that_can_be_posed_fits_the_schema() {
        let vocabulary = Vocabulary::new(ACTIONS).unwrap();
        let tenant = TenantId::default_tenant();
        let standings = [Standing::Member, Standing::Guest, Standing::Stranger, Standing::Deactivated, Standing::Bot];
        let channels = [ChannelName::Slack, ChannelName::Terminal, ChannelName::Api, ChannelName::Internal];
        let kinds = [PlaceKind::Direct, PlaceKind::Private, PlaceKind::Public, PlaceKind::Unknown];
        let roles = [Role::Owner, Role::Member, Role::Guest];
        for index in 0..60 {
            let subject = Subject {
                id: "\"p-1\\ü".into(),
                known: index % 2 == 0,
                role: roles[index % 3],
                groups: vec!["a".into(), "a".into(), "b\"".into()],
                standing: standings[index % 5],
            };
            let place = Place { id: "C1".into(), kind: kinds[index % 4], shared: index % 2 == 1 };
            let request = Request {
                subject: &subject,
                action: ACTIONS[index % ACTIONS.len()].name,
                tenant: &tenant,
                channel: channels[index % 4],
                place: (index % 3 > 0).then_some(&place),
                tool: (index % 2 == 0).then_some("x"),
            };
            let (posed, entities) = vocabulary.pose(&request).unwrap();
            cedar::Entities::from_entities(entities, Some(vocabulary.schema())).unwrap();
            let [principal, action, resource] =
                [posed.principal(), posed.action(), posed.resource()].map(Option::unwrap);
            let context = posed.context().unwrap().clone();
            let [principal, action, resource] = [principal, action, resource].map(Clone::clone);
            cedar::Request::new(principal, action, resource, context, Some(vocabulary.schema())).unwrap();
        }
    }

    #[test]
    fn a_literal_is_one_entity_whatever_its_id_says() {
        for id in ["C1", "\"] || true || [\"", "a\\", "ü\u{202e}", "it's", "a\nb", "💡", "\0"] {
            let read = cedar::EntityUid::from_str(&literal(EntityType::User, id)).unwrap();
            assert_eq!(read.id().unescaped(), id);
        }
    }

    #[test]
    fn a_table_of_actions_that_does_not_fit_is_refused() {
        let spec = |name| ActionSpec { name, group: ActionGroup::Everyday };
        for (names, expected) in [
            (vec!["task.create", "task.create"], "twice"),
            (vec!["open"], "the name of a group"),
            (vec!["a\" in [\"open\"];"], "cannot be the name"),
            (vec![""], "cannot be the name"),
        ] {
            let specs: Vec<_> = names.into_iter().map(spec).collect();
            let Err(issues) = Vocabulary::new(&specs) else { panic!("{specs:?} was taken") };
            assert!(issues[0].what.contains(expected), "{issues:?}");
        }
    }
}
