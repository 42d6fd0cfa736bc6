//! Values on the wire: encoded by the type the server expects, read back as the four storage classes.

use std::error::Error as StdError;

use bytes::{BufMut as _, BytesMut};
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::db::error::{Error, Result};
use crate::db::value::{Row, Value};

type Wire = std::result::Result<IsNull, Box<dyn StdError + Sync + Send>>;

/// The version byte in front of JSONB's text.
const JSONB_VERSION: u8 = 1;

/// An argument; the server said which type it wants.
#[derive(Debug)]
pub(super) struct Arg<'a>(pub(super) Value<'a>);

impl ToSql for Arg<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Wire {
        match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::I64(n) => put_integer(n, ty, out)?,
            Value::F64(n) if *ty == Type::FLOAT8 => out.put_f64(n),
            Value::Text(text) if is_text(ty) => out.put_slice(text.as_bytes()),
            Value::Text(text) if *ty == Type::JSONB => {
                out.put_u8(JSONB_VERSION);
                out.put_slice(text.as_bytes());
            }
            Value::Text(text) if *ty == Type::JSON => out.put_slice(text.as_bytes()),
            Value::Blob(bytes) if *ty == Type::BYTEA => out.put_slice(bytes),
            Value::F64(_) => return Err(unfit("a float", ty)),
            Value::Text(_) => return Err(unfit("text", ty)),
            Value::Blob(_) => return Err(unfit("bytes", ty)),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        // The server chose the type; whether the value fits is seen when it is encoded.
        true
    }

    to_sql_checked!();
}

fn put_integer(
    n: i64,
    ty: &Type,
    out: &mut BytesMut,
) -> std::result::Result<(), Box<dyn StdError + Sync + Send>> {
    if *ty == Type::INT8 {
        out.put_i64(n);
    } else if *ty == Type::INT4 {
        out.put_i32(i32::try_from(n)?);
    } else if *ty == Type::INT2 {
        out.put_i16(i16::try_from(n)?);
    } else if *ty == Type::FLOAT8 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "the column is a float, as SQLite would store it"
        )]
        out.put_f64(n as f64);
    } else {
        return Err(unfit("an integer", ty));
    }
    Ok(())
}

fn is_text(ty: &Type) -> bool {
    matches!(
        *ty,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN
    )
}

fn unfit(given: &str, ty: &Type) -> Box<dyn StdError + Sync + Send> {
    format!("{given} was given where the server expects {ty}").into()
}

/// A row of a result.
pub(super) struct PgRow<'a>(pub(super) &'a postgres::Row);

impl PgRow<'_> {
    fn ty(&self, n: usize) -> Result<&Type> {
        self.0
            .columns()
            .get(n)
            .map(postgres::Column::type_)
            .ok_or_else(|| Error::Db(format!("the query has no column {n}")))
    }

    fn get<'a, T: FromSql<'a>>(&'a self, n: usize) -> Result<Option<T>> {
        self.0
            .try_get(n)
            .map_err(|e| Error::Db(format!("column {n}: {e}")))
    }
}

fn mistyped(n: usize, wanted: &str, ty: &Type) -> Error {
    Error::Db(format!("column {n} is {ty}, not {wanted}"))
}

impl Row for PgRow<'_> {
    fn opt_i64(&self, n: usize) -> Result<Option<i64>> {
        match *self.ty(n)? {
            Type::INT8 => self.get(n),
            Type::INT4 => Ok(self.get::<i32>(n)?.map(i64::from)),
            Type::INT2 => Ok(self.get::<i16>(n)?.map(i64::from)),
            // A comparison is 0 or 1 on SQLite.
            Type::BOOL => Ok(self.get::<bool>(n)?.map(i64::from)),
            ref other => Err(mistyped(n, "an integer", other)),
        }
    }

    fn opt_f64(&self, n: usize) -> Result<Option<f64>> {
        match *self.ty(n)? {
            Type::FLOAT8 => self.get(n),
            Type::FLOAT4 => Ok(self.get::<f32>(n)?.map(f64::from)),
            #[expect(
                clippy::cast_precision_loss,
                reason = "the caller asked for a float of an integer column"
            )]
            Type::INT8 => Ok(self.get::<i64>(n)?.map(|v| v as f64)),
            ref other => Err(mistyped(n, "a number", other)),
        }
    }

    fn opt_text(&self, n: usize) -> Result<Option<String>> {
        match *self.ty(n)? {
            Type::JSON | Type::JSONB => Ok(self.get::<JsonText>(n)?.map(|json| json.0)),
            ref ty if is_text(ty) => self.get(n),
            ref other => Err(mistyped(n, "text", other)),
        }
    }

    fn opt_blob(&self, n: usize) -> Result<Option<Vec<u8>>> {
        match *self.ty(n)? {
            Type::BYTEA => self.get(n),
            ref other => Err(mistyped(n, "bytes", other)),
        }
    }
}

/// JSON as its text.
struct JsonText(String);

impl<'a> FromSql<'a> for JsonText {
    fn from_sql(
        ty: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn StdError + Sync + Send>> {
        let text = match raw {
            [JSONB_VERSION, text @ ..] if *ty == Type::JSONB => text,
            _ if *ty == Type::JSON => raw,
            _ => return Err("JSONB of an unknown version".into()),
        };
        Ok(Self(std::str::from_utf8(text)?.to_owned()))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::JSON | Type::JSONB)
    }
}
