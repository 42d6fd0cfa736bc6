//! Uploaded files over HTTP: what is taken, what is refused, who gets them back, and when they go.

pub mod life;
mod serving;
mod taking;

use parlor::token::Token;
use serde_json::Value;

use crate::customer::{ORIGIN, Shop};

/// An answer with its body as bytes.
pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The protocol's name of the error.
    pub fn error(&self) -> String {
        self.json()["error"]["type"].as_str().unwrap().to_owned()
    }

    pub fn url(&self) -> String {
        let json = self.json();
        json["url"]
            .as_str()
            .unwrap_or_else(|| panic!("{json}"))
            .to_owned()
    }
}

/// Sends a request and reads the whole answer.
pub async fn send(request: ureq::http::Request<Vec<u8>>) -> Reply {
    tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut answer = agent.run(request).unwrap();
        Reply {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer
                .body_mut()
                .with_config()
                .limit(64 << 20)
                .read_to_vec()
                .unwrap(),
        }
    })
    .await
    .unwrap()
}

pub async fn get(url: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = ureq::http::Request::get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(Vec::new()).unwrap()).await
}

/// A form with the field `file`.
pub fn form(name: &str, content_type: &str, bytes: &[u8]) -> Vec<u8> {
    let mut body = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: {content_type}\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--XX--\r\n");
    body
}

/// Where a visitor's file goes.
pub fn address(shop: &Shop) -> String {
    format!(
        "http://{}/x/v3.5/customer/action/upload_file?organization_id={}",
        shop.app.address(),
        shop.site.organization_id
    )
}

/// Uploads as a visitor.
pub async fn upload(shop: &Shop, token: &Token, name: &str, bytes: &[u8]) -> Reply {
    upload_as(
        shop,
        &format!("Bearer {}", token.as_str()),
        form(name, "image/png", bytes),
    )
    .await
}

/// Uploads any form with any credentials.
pub async fn upload_as(shop: &Shop, authorization: &str, form: Vec<u8>) -> Reply {
    let request = ureq::http::Request::post(address(shop))
        .header("origin", ORIGIN)
        .header("authorization", authorization)
        .header("content-type", "multipart/form-data; boundary=XX")
        .body(form)
        .unwrap();
    send(request).await
}

/// A PNG of one colour.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let image = image::RgbImage::from_pixel(width, height, image::Rgb([20, 120, 90]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// Files with content in the folder of this Parlor.
pub fn contents(shop: &Shop) -> usize {
    fn count(folder: &std::path::Path) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return 0;
        };
        entries
            .map(|entry| entry.unwrap().path())
            .map(|path| if path.is_dir() { count(&path) } else { 1 })
            .sum()
    }
    count(&shop.app.data().join("files"))
}
