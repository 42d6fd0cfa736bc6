//! The fields of a greeting: as they are typed, and as they are checked into rules and content.

use crate::domain::Refusal;
use crate::domain::event::{Body, NewEvent};
use crate::domain::greeting::{Condition, Draft, How, Pattern, Rules};
use crate::domain::ids::AgentId;
use crate::http::dashboard::form::{Errors, Fields};
use crate::store::greetings::Greeting;

/// Most patterns of one field.
const MAX_PATTERNS: usize = 20;
/// Languages of one greeting, in characters.
const LANGUAGES_CHARS: usize = 200;

/// The form as text: what is stored, or what was typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct GreetingForm {
    pub(crate) name: String,
    pub(crate) text: String,
    /// A rich message stands in place of the text: made by a program, kept as it is.
    pub(crate) rich: Option<Body>,
    pub(crate) is_enabled: bool,
    pub(crate) agent: String,
    pub(crate) url_how: String,
    pub(crate) urls: String,
    pub(crate) referrer_how: String,
    pub(crate) referrers: String,
    pub(crate) page_s: String,
    pub(crate) site_s: String,
    pub(crate) pages: String,
    pub(crate) visits: String,
    pub(crate) visits_most: String,
    pub(crate) languages: String,
    pub(crate) device: String,
    pub(crate) only_online: bool,
    /// Conditions that this form has no fields for, kept as they are.
    pub(crate) others: Vec<Condition>,
}

impl GreetingForm {
    /// An empty form for a new greeting: shown after ten seconds.
    pub(crate) fn fresh() -> Self {
        Self {
            is_enabled: true,
            page_s: "10".into(),
            url_how: How::Contains.as_str().into(),
            referrer_how: How::Contains.as_str().into(),
            ..Self::default()
        }
    }

    /// What is stored.
    pub(crate) fn of(greeting: &Greeting) -> Self {
        let draft = &greeting.draft;
        let mut form = Self {
            name: draft.name.clone(),
            is_enabled: draft.is_enabled,
            agent: draft.agent.map(|id| id.to_string()).unwrap_or_default(),
            url_how: How::Contains.as_str().into(),
            referrer_how: How::Contains.as_str().into(),
            ..Self::default()
        };
        if matches!(draft.content, Body::RichMessage { .. }) {
            form.rich = Some(draft.content.clone());
        } else {
            form.text = draft.content.text().unwrap_or_default().into();
        }
        for condition in &draft.rules.all {
            if !form.take(condition) {
                form.others.push(condition.clone());
            }
        }
        form
    }

    /// What was typed, over what the form cannot show of the stored one.
    pub(crate) fn typed(fields: &Fields, stored: Option<&Greeting>) -> Self {
        let text = |name: &str| fields.get(name).to_owned();
        let kept = stored.map(Self::of).unwrap_or_default();
        Self {
            name: text("name"),
            text: text("text"),
            rich: kept.rich,
            is_enabled: fields.is_checked("is_enabled"),
            agent: text("agent"),
            url_how: text("url_how"),
            urls: text("urls"),
            referrer_how: text("referrer_how"),
            referrers: text("referrers"),
            page_s: text("page_s"),
            site_s: text("site_s"),
            pages: text("pages"),
            visits: text("visits"),
            visits_most: text("visits_most"),
            languages: text("languages"),
            device: text("device"),
            only_online: fields.is_checked("only_online"),
            others: kept.others,
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// All that is wrong, by field.
    pub(crate) fn check(&self) -> Result<Draft, Errors> {
        let mut errors = Errors::default();
        let mut all = Vec::new();
        for found in [
            errors.check(patterns("urls", &self.url_how, &self.urls, Condition::Url)),
            errors.check(patterns(
                "referrers",
                &self.referrer_how,
                &self.referrers,
                Condition::Referrer,
            )),
            errors.check(seconds("page_s", &self.page_s, |at_least_s| {
                Condition::TimeOnPage { at_least_s }
            })),
            errors.check(seconds("site_s", &self.site_s, |at_least_s| {
                Condition::TimeOnSite { at_least_s }
            })),
            errors.check(self.pages_seen()),
            errors.check(self.visit_count()),
            errors.check(self.language_list()),
            errors.check(self.device_kind()),
        ] {
            all.extend(found.flatten());
        }
        if self.only_online {
            all.push(Condition::Online {});
        }
        all.extend(self.others.iter().cloned());
        let content = errors.check(self.content());
        let agent = errors.check(self.agent_id());
        let draft = content.zip(agent).and_then(|(content, agent)| {
            let draft = Draft {
                name: self.name.clone(),
                is_enabled: self.is_enabled,
                rules: Rules { all },
                content,
                group: None,
                agent,
            };
            errors.check(draft.checked())
        });
        match draft {
            Some(draft) if errors.is_empty() => Ok(draft),
            _ => Err(errors),
        }
    }

    /// True for the chosen option; templates cannot compare `&&str`.
    pub(crate) fn is_url_how(&self, how: &str) -> bool {
        self.url_how == how
    }

    /// True for the chosen option.
    pub(crate) fn is_referrer_how(&self, how: &str) -> bool {
        self.referrer_how == how
    }

    /// True for the chosen option.
    pub(crate) fn is_device(&self, device: &str) -> bool {
        self.device == device
    }

    /// True for the chosen agent.
    pub(crate) fn is_agent(&self, agent: &str) -> bool {
        self.agent == agent
    }

    /// What the preview shows.
    pub(crate) fn preview(&self) -> String {
        let rich = self.rich.as_ref().and_then(Body::text);
        rich.map_or_else(|| self.text.clone(), str::to_owned)
    }

    /// Shows a stored condition in its field; `false` where the field is taken or there is none.
    fn take(&mut self, condition: &Condition) -> bool {
        match condition {
            Condition::Url(_) | Condition::Any { .. } if self.urls.is_empty() => {
                self.take_patterns(condition)
            }
            Condition::Referrer(_) | Condition::Any { .. } if self.referrers.is_empty() => {
                self.take_patterns(condition)
            }
            Condition::TimeOnPage { at_least_s } => fill(&mut self.page_s, at_least_s),
            Condition::TimeOnSite { at_least_s } => fill(&mut self.site_s, at_least_s),
            Condition::PagesSeen { at_least } => fill(&mut self.pages, at_least),
            Condition::Visits { at_least, at_most } => {
                let most = at_most.map(|most| most.to_string()).unwrap_or_default();
                let is_free = fill(&mut self.visits, at_least);
                if is_free {
                    self.visits_most = most;
                }
                is_free
            }
            Condition::Language { is } => fill(&mut self.languages, &is.join(", ")),
            Condition::Device { is } if is.len() == 1 => fill(&mut self.device, &is[0]),
            Condition::Online {} => {
                self.only_online = true;
                true
            }
            Condition::Url(_)
            | Condition::Referrer(_)
            | Condition::Device { .. }
            | Condition::All { .. }
            | Condition::Any { .. }
            | Condition::Unknown => false,
        }
    }

    /// Patterns of one kind and one way of comparing go into one field, a line each.
    fn take_patterns(&mut self, condition: &Condition) -> bool {
        let of = if let Condition::Any { of } = condition {
            of.as_slice()
        } else {
            std::slice::from_ref(condition)
        };
        let urls: Option<Vec<&Pattern>> = of.iter().map(as_url).collect();
        let referrers: Option<Vec<&Pattern>> = of.iter().map(as_referrer).collect();
        let (found, how, lines) = match (urls, referrers) {
            (Some(urls), _) if self.urls.is_empty() => (urls, &mut self.url_how, &mut self.urls),
            (_, Some(found)) if self.referrers.is_empty() => {
                (found, &mut self.referrer_how, &mut self.referrers)
            }
            _ => return false,
        };
        let Some(first) = found.first() else {
            return false;
        };
        if found.iter().any(|pattern| pattern.how != first.how) {
            return false;
        }
        first.how.as_str().clone_into(how);
        let texts: Vec<&str> = found.iter().map(|pattern| pattern.text.as_str()).collect();
        *lines = texts.join("\n");
        true
    }

    fn content(&self) -> Result<Body, Refusal> {
        if let Some(rich) = &self.rich {
            return Ok(rich.clone());
        }
        let new = NewEvent::message(&self.text)?;
        let body = new.body().cloned();
        body.ok_or_else(|| Refusal::invalid("text", "please fill this in"))
    }

    fn agent_id(&self) -> Result<Option<AgentId>, Refusal> {
        match self.agent.as_str() {
            "" => Ok(None),
            id => id
                .parse()
                .map(Some)
                .map_err(|_| Refusal::invalid("agent", "choose one of the agents")),
        }
    }

    fn pages_seen(&self) -> Result<Option<Condition>, Refusal> {
        let at_least = number("pages", &self.pages, Rules::MAX_COUNT)?;
        Ok(at_least.map(|at_least| Condition::PagesSeen { at_least }))
    }

    fn visit_count(&self) -> Result<Option<Condition>, Refusal> {
        let at_least = number("visits", &self.visits, Rules::MAX_COUNT)?;
        let at_most = number("visits_most", &self.visits_most, Rules::MAX_COUNT)?;
        if at_most.is_some_and(|most| most < at_least.unwrap_or(1)) {
            let reason = "is less than the number before it";
            return Err(Refusal::invalid("visits_most", reason));
        }
        let is_asked = at_least.is_some() || at_most.is_some();
        Ok(is_asked.then_some(Condition::Visits {
            at_least: at_least.unwrap_or(1),
            at_most,
        }))
    }

    fn language_list(&self) -> Result<Option<Condition>, Refusal> {
        if self.languages.chars().count() > LANGUAGES_CHARS {
            let reason = format!("at most {LANGUAGES_CHARS} characters");
            return Err(Refusal::invalid("languages", reason));
        }
        let is: Vec<String> = self
            .languages
            .split([',', ' ', '\n'])
            .map(str::trim)
            .filter(|tag| !tag.is_empty())
            .map(str::to_owned)
            .collect();
        let is_tag = |tag: &String| tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !is.iter().all(|tag| tag.len() <= 35 && is_tag(tag)) {
            let reason = "write language codes such as de, en-GB";
            return Err(Refusal::invalid("languages", reason));
        }
        Ok((!is.is_empty()).then_some(Condition::Language { is }))
    }

    fn device_kind(&self) -> Result<Option<Condition>, Refusal> {
        match self.device.as_str() {
            "" => Ok(None),
            kind @ ("desktop" | "mobile" | "tablet") => Ok(Some(Condition::Device {
                is: vec![kind.to_owned()],
            })),
            _ => Err(Refusal::invalid("device", "choose one of the devices")),
        }
    }
}

fn as_url(condition: &Condition) -> Option<&Pattern> {
    if let Condition::Url(pattern) = condition {
        Some(pattern)
    } else {
        None
    }
}

fn as_referrer(condition: &Condition) -> Option<&Pattern> {
    if let Condition::Referrer(pattern) = condition {
        Some(pattern)
    } else {
        None
    }
}

/// Fills a field that is empty still.
fn fill(field: &mut String, value: &impl ToString) -> bool {
    let is_free = field.is_empty();
    if is_free {
        *field = value.to_string();
    }
    is_free
}

/// One pattern a line; any of them will do.
fn patterns(
    field: &str,
    how: &str,
    text: &str,
    condition: fn(Pattern) -> Condition,
) -> Result<Option<Condition>, Refusal> {
    let how = How::parse(how)
        .ok_or_else(|| Refusal::invalid(field, "choose how addresses are compared"))?;
    let mut of = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        of.push(condition(Pattern::new(field, how, line)?));
    }
    match of.len() {
        0 => Ok(None),
        1 => Ok(of.pop()),
        2..=MAX_PATTERNS => Ok(Some(Condition::Any { of })),
        _ => {
            let reason = format!("at most {MAX_PATTERNS} lines");
            Err(Refusal::invalid(field, reason))
        }
    }
}

fn seconds(
    field: &str,
    text: &str,
    condition: fn(u32) -> Condition,
) -> Result<Option<Condition>, Refusal> {
    Ok(number(field, text, Rules::MAX_SECONDS)?.map(condition))
}

/// A number, or nothing; 0 is nothing too.
fn number(field: &str, text: &str, most: u32) -> Result<Option<u32>, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let number: Option<u32> = text.parse().ok().filter(|n| *n <= most);
    match number {
        Some(0) => Ok(None),
        Some(number) => Ok(Some(number)),
        None => {
            let reason = format!("a number from 0 to {most}, or nothing");
            Err(Refusal::invalid(field, reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{GreetingId, SiteId};
    use crate::store::greetings::Counted;

    fn filled() -> GreetingForm {
        GreetingForm {
            name: "Cart".into(),
            text: "May we help?".into(),
            urls: "/cart\n /checkout \n".into(),
            referrer_how: "wildcard".into(),
            referrers: "*search*".into(),
            pages: "2".into(),
            visits: "1".into(),
            visits_most: "3".into(),
            languages: "de, en-GB".into(),
            device: "mobile".into(),
            only_online: true,
            ..GreetingForm::fresh()
        }
    }

    fn stored(draft: Draft) -> Greeting {
        Greeting {
            id: GreetingId(1),
            site: SiteId(1),
            number: 1,
            place: 1,
            draft,
            counted: Counted::default(),
            updated_at: 0,
        }
    }

    #[test]
    fn what_is_typed_comes_back_from_the_rules() {
        let draft = filled().check().unwrap();

        let back = GreetingForm::of(&stored(draft.clone()));

        assert_eq!(back.urls, "/cart\n/checkout");
        assert_eq!(back.referrer_how, "wildcard");
        assert_eq!(
            (back.visits.as_str(), back.visits_most.as_str()),
            ("1", "3")
        );
        assert_eq!(back.languages, "de, en-GB");
        assert!(back.others.is_empty());
        assert_eq!(back.check().unwrap(), draft);
    }

    #[test]
    fn what_the_form_cannot_show_is_kept() {
        let mut draft = filled().check().unwrap();
        let tree = Condition::All {
            of: vec![Condition::Online {}],
        };
        draft.rules.all.push(tree.clone());

        let form = GreetingForm::of(&stored(draft));

        assert_eq!(form.others, std::slice::from_ref(&tree));
        assert!(form.check().unwrap().rules.all.contains(&tree));
    }

    #[test]
    fn all_errors_are_named_at_once() {
        let broken = GreetingForm {
            text: " ".into(),
            agent: "x".into(),
            urls: "x".repeat(257),
            referrer_how: "magic".into(),
            page_s: "-1".into(),
            site_s: "soon".into(),
            pages: "1e3".into(),
            visits: "5".into(),
            visits_most: "4".into(),
            languages: "ä".into(),
            device: "tv".into(),
            ..filled()
        };

        let errors = broken.check().unwrap_err();

        for field in [
            "text",
            "agent",
            "urls",
            "referrers",
            "page_s",
            "site_s",
            "pages",
            "visits_most",
            "languages",
            "device",
        ] {
            assert!(errors.of(field).is_some(), "{field}");
        }
        let nameless = GreetingForm {
            name: " ".into(),
            ..filled()
        };
        assert!(nameless.check().unwrap_err().of("name").is_some());
    }
}
