//! `GET /customer`: a token for clients that cannot call: a hidden frame is told by a message, a web view by a redirect.
//!
//! A token leaves only for an origin that the site lists. What goes wrong is told to whoever asked; it holds no secret.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use super::identity::{self, Client, Exception, Identity, Named};
use super::token::identified;
use crate::domain::site::Site;
use crate::http::error::ApiError;
use crate::http::extract::{ClientIp, header_text, own_origin};
use crate::http::guard::allowed_origin;
use crate::http::state::State;
use crate::token::Token;

/// The longest `state` that is echoed, in characters.
const MAX_STATE_CHARS: usize = 512;

/// Everything is text: a parameter that does not fit is told in the protocol's words.
#[derive(Deserialize)]
pub(super) struct Asked {
    response_type: Option<String>,
    license_id: Option<String>,
    organization_id: Option<String>,
    redirect_uri: Option<String>,
    post_message_uri: Option<String>,
    state: Option<String>,
}

/// Where the answer goes.
enum Way {
    /// A message to the window around the frame, if it is of this origin.
    Message { origin: String },
    /// A redirect, with the fields in the fragment.
    Redirect { to: Url },
}

impl Way {
    /// A frame has a window around it; a web view, which says so or sends no `state`, ends on the page it names.
    fn of(req: &HttpRequest, asked: &Asked) -> Option<Self> {
        let wants = header_text(req.headers(), &HeaderName::from_static("sec-fetch-dest"));
        let is_frame = match wants {
            Some("document") => false,
            Some("iframe" | "frame") => true,
            _ => asked.state.is_some(),
        };
        let url = |text: &Option<String>| page_url(text.as_deref()?);
        let message = url(&asked.post_message_uri).map(|url| Self::Message {
            origin: url.origin().ascii_serialization(),
        });
        let redirect = || url(&asked.redirect_uri).map(|to| Self::Redirect { to });
        if is_frame {
            message.or_else(redirect)
        } else {
            redirect().or(message)
        }
    }

    fn origin(&self) -> String {
        match self {
            Self::Message { origin } => origin.clone(),
            Self::Redirect { to } => to.origin().ascii_serialization(),
        }
    }

    fn answer(self, status: StatusCode, fields: &Map<String, Value>) -> HttpResponse {
        match self {
            Self::Message { origin } => message(status, fields, &origin),
            Self::Redirect { to } => redirect(to, fields),
        }
    }
}

fn page_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// `GET …/customer`, and the same for a group with identities of its own.
pub(super) async fn show(
    req: HttpRequest,
    state: Data<State>,
    address: ClientIp,
    asked: Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let echoed = asked.state.as_deref().unwrap_or_default();
    if echoed.chars().count() > MAX_STATE_CHARS {
        return Err(ApiError::validation(
            "state",
            "must have at most 512 characters",
        ));
    }
    let way = Way::of(&req, &asked)
        .ok_or_else(|| ApiError::validation("post_message_uri", "must be the address of a page"))?;
    let found = find(&req, &state, &asked, address).await;
    let client = found.as_ref().ok();
    let is_listed = client.is_some_and(|c| may_know(&state, &c.site, &req, &way.origin()));
    if !is_listed && matches!(way, Way::Redirect { .. }) {
        // Never send a browser to an address that nobody vouches for.
        return Err(ApiError::validation(
            "redirect_uri",
            "must be on an origin that the site lists",
        ));
    }
    let told = match &found {
        Err(exception) => Err(*exception),
        Ok(_) if !is_listed => Err(identity::FOREIGN_ORIGIN),
        Ok(client) => identified(&req, &state, client, address).await,
    };
    Ok(answer(client, told, way, asked.state.as_deref()))
}

async fn find(
    req: &HttpRequest,
    state: &State,
    asked: &Asked,
    address: ClientIp,
) -> Result<Client, Exception> {
    state
        .limits
        .request(address)
        .map_err(|_| identity::TOO_MANY)?;
    let license_id = asked.license_id.as_deref().map(str::parse).transpose();
    let named = Named {
        response_type: asked.response_type.as_deref().unwrap_or_default(),
        license_id: license_id.map_err(|_| identity::INVALID)?,
        organization_id: asked.organization_id.as_deref(),
    };
    Client::find(state, req, named).await
}

/// Whether a page of this origin may have a token of the site; one that may not is offered for listing.
fn may_know(state: &State, site: &Site, req: &HttpRequest, origin: &str) -> bool {
    let is_own = || own_origin(&state.config, req).is_some_and(|own| own == origin);
    let may = allowed_origin(site, origin) || is_own();
    if !may {
        state
            .refused_origins
            .remember(site.id, origin, state.clock.now());
    }
    may
}

fn answer(
    client: Option<&Client>,
    told: Result<Identity, Exception>,
    way: Way,
    state: Option<&str>,
) -> HttpResponse {
    let (status, mut fields) = match (&told, client) {
        (Ok(identity), Some(client)) => (StatusCode::OK, client.token(identity)),
        (Err(exception), _) => (exception.status, error_fields(exception)),
        (Ok(_), None) => (identity::BROKEN.status, error_fields(&identity::BROKEN)),
    };
    if let Some(state) = state {
        fields.insert("state".into(), state.into());
    }
    let mut answer = way.answer(status, &fields);
    if let (Ok(identity), Some(client)) = (&told, client) {
        for cookie in client.jar().set(&identity.id(), identity.secret.as_str()) {
            // Two names and the framework's own text: always a header value.
            if let Ok(cookie) = header::HeaderValue::from_str(&cookie) {
                answer.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
    }
    answer
}

fn error_fields(exception: &Exception) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert(exception.kind.into(), exception.message.into());
    fields
}

/// A page that any page may frame: it holds nothing to click, and its message reaches one origin alone.
fn message(status: StatusCode, fields: &Map<String, Value>, origin: &str) -> HttpResponse {
    let nonce = Token::random();
    let nonce = nonce.as_str();
    let script = format!(
        "parent.postMessage({}, {})",
        in_script(&json!(fields)),
        in_script(&json!(origin))
    );
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            format!("default-src 'none'; script-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'"),
        ))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Token</title>\
             <script nonce=\"{nonce}\">{script}</script></html>"
        ))
}

/// JSON as a script may hold it: no character that could end the script or begin markup.
fn in_script(value: &Value) -> String {
    let mut out = String::new();
    for c in value.to_string().chars() {
        match c {
            '<' | '>' | '&' | '\'' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

fn redirect(mut to: Url, fields: &Map<String, Value>) -> HttpResponse {
    let mut fragment = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        fragment.append_pair(name, &text);
    }
    to.set_fragment(Some(&fragment.finish()));
    HttpResponse::Found()
        .insert_header((header::LOCATION, to.to_string()))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_script() {
        let value = json!({"state": "</script><!--&'\u{2028}\"\\"});

        let script = in_script(&value);

        assert!(
            !script.contains(['<', '>', '&', '\'', '\u{2028}']),
            "{script}"
        );
        assert_eq!(serde_json::from_str::<Value>(&script).unwrap(), value);
    }

    #[test]
    fn a_redirect_replaces_the_fragment_and_keeps_the_query() {
        let mut fields = Map::new();
        fields.insert("expires_in".into(), json!(7));
        fields.insert("state".into(), json!("a b&c"));
        let to = Url::parse("https://shop.example/done?x=1#old").unwrap();

        let answer = redirect(to, &fields);

        let location = answer.headers().get(header::LOCATION).unwrap();
        assert_eq!(
            location,
            "https://shop.example/done?x=1#expires_in=7&state=a+b%26c"
        );
    }

    #[test]
    fn only_web_pages_are_told() {
        for text in [
            "javascript:alert(1)",
            "app://done",
            "/relative",
            "",
            "data:,x",
        ] {
            assert_eq!(page_url(text), None, "{text}");
        }
    }
}
