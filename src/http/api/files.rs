//! Files: uploaded first, then sent by the address that the upload answered.

use actix_web::ResponseError;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::endpoint::{Endpoint, MULTIPART, Verb};
use super::schemas::{int, object, refer, text};
use crate::http::error::ApiError;
use crate::http::files;

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    id: "uploadFile",
    verb: Verb::Post,
    path: "/files",
    tag: "Files",
    summary: "Upload a file of at most 10 MiB; it is deleted after a day unless an event uses it",
    body: Some(|| {
        object(&[(
            "file",
            json!({"type": "string", "contentMediaType": "application/octet-stream"}),
        )])
    }),
    content_type: MULTIPART,
    answer: Some(|| refer("UploadedFile")),
    errors: &["limit_reached", "unsupported_type"],
    handler: |call| Box::pin(upload(call)),
    ..Endpoint::WRITE
}];

pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let file = object(&[
        ("url", text()),
        ("name", text()),
        ("content_type", text()),
        ("size", int()),
        ("width?", int()),
        ("height?", int()),
        ("thumbnail_url?", super::schemas::nullable(text())),
        ("thumbnail2x_url?", super::schemas::nullable(text())),
    ]);
    vec![("UploadedFile", file)]
}

async fn upload(mut call: Call) -> Result<Answer, ApiError> {
    let (req, payload) = call
        .raw
        .take()
        .ok_or_else(|| ApiError::internal("an upload was read as JSON"))?;
    let file = files::upload(&req, payload, &call.state, &call.subject, call.site)
        .await
        .map_err(named)?;
    Ok(Answer::of(files::described(&file)))
}

/// A refused type under a code of its own: here the status alone does not tell it from other fields that do not fit.
fn named(error: ApiError) -> ApiError {
    if error.status_code() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        let message = error.message().to_owned();
        return ApiError::new(error.status_code(), "unsupported_type", message).with_field("file");
    }
    error
}
