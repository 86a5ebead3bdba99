//! Readers for fields of which only the expected shape is of use.
//!
//! Slack's documents name a field's usual type; in practice it may be `null`, absent, a string for
//! an object or the reverse. A field in another shape than expected reads as absent, so that one
//! odd field never costs a whole event. Broken JSON stays an error.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A value by its shape.
enum Shape<T> {
    Text(String),
    Flag(bool),
    Object(T),
    Other,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shape<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor(PhantomData))
    }
}

struct ShapeVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ShapeVisitor<T> {
    type Value = Shape<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Shape::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Shape::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Shape::Text(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Shape::Text(number.to_string()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Shape::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Shape::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Shape::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Shape::Object)
    }
}

/// A text; a whole number reads as its digits.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Shape::<IgnoredAny>::deserialize(deserializer)? {
        Shape::Text(text) if !text.is_empty() => Ok(Some(text)),
        _ => Ok(None),
    }
}

/// True, or anything else for false.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(matches!(Shape::<IgnoredAny>::deserialize(deserializer)?, Shape::Flag(true)))
}

/// True or false, where it says so.
pub(super) fn maybe_flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match Shape::<IgnoredAny>::deserialize(deserializer)? {
        Shape::Flag(flag) => Ok(Some(flag)),
        _ => Ok(None),
    }
}

/// An object.
pub(super) fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    match Shape::deserialize(deserializer)? {
        Shape::Object(object) => Ok(Some(object)),
        _ => Ok(None),
    }
}

/// A thing that is written as its id alone or as an object; both read as the object.
pub(super) fn object_or_id<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + From<String>,
{
    match Shape::<T>::deserialize(deserializer)? {
        Shape::Object(object) => Ok(Some(object)),
        Shape::Text(id) if !id.is_empty() => Ok(Some(T::from(id))),
        _ => Ok(None),
    }
}

/// The objects of a list; what else is in it is left out.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(ListVisitor(PhantomData))
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut objects = Vec::new();
        while let Some(shape) = seq.next_element()? {
            if let Shape::Object(object) = shape {
                objects.push(object);
            }
        }
        Ok(objects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default)]
    struct Odd {
        #[serde(deserialize_with = "text")]
        id: Option<String>,
        #[serde(deserialize_with = "flag")]
        shared: bool,
        #[serde(deserialize_with = "maybe_flag")]
        known: Option<bool>,
        #[serde(deserialize_with = "object")]
        inner: Option<Box<Odd>>,
        #[serde(deserialize_with = "list")]
        many: Vec<Odd>,
    }

    fn read(json: &str) -> Odd {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn odd_shapes_read_as_absent() {
        for odd in ["null", "[]", "[1,[2]]", "{}", "{\"a\":[1]}", "1.5", "\"\""] {
            let json = format!(r#"{{"id":{odd},"shared":{odd},"known":{odd},"other":{odd}}}"#);
            assert_eq!(read(&json), Odd::default(), "{odd}");
        }
        for odd in ["null", "[]", "7", "-7", "1.5", "true", "\"x\""] {
            let json = format!(r#"{{"inner":{odd},"many":{odd}}}"#);
            assert_eq!(read(&json), Odd::default(), "{odd}");
        }
        assert_eq!(read(r#"{"many":{"a":1}}"#), Odd::default());
    }

    #[test]
    fn expected_shapes_are_read() {
        let read = read(r#"{"id":17,"shared":true,"known":false,"inner":{"id":"a"},"many":[1,{"id":"b"},null]}"#);
        assert_eq!(read.id.as_deref(), Some("17"));
        assert!(read.shared);
        assert_eq!(read.known, Some(false));
        assert_eq!(read.inner.unwrap().id.as_deref(), Some("a"));
        assert_eq!(read.many.len(), 1);
    }

    #[test]
    fn broken_json_stays_broken() {
        for json in [r#"{"id":"a"#, r#"{"inner":{"id":}}"#, r#"{"many":[{]}"#] {
            assert!(serde_json::from_str::<Odd>(json).is_err(), "{json}");
        }
    }
}
