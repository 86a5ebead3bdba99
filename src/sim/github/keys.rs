//! What is proved by keys and digests: the App's RS256, the signature of a webhook, the names of Git's objects.
//!
//! It reads no claim and no header; what a JWT must say stands in [`super::jwt`].

use data_encoding::{BASE64, HEXLOWER};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use ring::{digest, hmac};

/// The public half, as PKCS #1 writes it, of an RSA key in PEM (PKCS #1 or PKCS #8).
pub(super) fn public_half(private_key: &str) -> Option<Vec<u8>> {
    let (_, rest) = private_key.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let body: String = body.split_ascii_whitespace().collect();
    let der = BASE64.decode(body.as_bytes()).ok()?;
    let pair = match label {
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der),
        _ => RsaKeyPair::from_pkcs8(&der),
    };
    Some(pair.ok()?.public_key().as_ref().to_vec())
}

/// Whether the holder of the key made this RS256 signature over `text`.
pub(super) fn is_signature(public_key: &[u8], text: &str, signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key).verify(text.as_bytes(), signature).is_ok()
}

/// The header `X-Hub-Signature-256` of a body.
pub(super) fn signature(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("sha256={}", HEXLOWER.encode(hmac::sign(&key, body).as_ref()))
}

/// The name that Git gives to an object: `blob`, `commit`.
pub(super) fn object(kind: &str, content: &[u8]) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(format!("{kind} {}\0", content.len()).as_bytes());
    context.update(content);
    HEXLOWER.encode(context.finish().as_ref())
}

/// The tag by which a client knows that an answer is unchanged.
pub(super) fn etag(body: &[u8]) -> String {
    format!("W/\"{}\"", HEXLOWER.encode(digest::digest(&digest::SHA256, body).as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_names_as_the_documents_do() {
        // docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
        assert_eq!(
            signature("It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
        // `echo hello | git hash-object --stdin`
        assert_eq!(object("blob", b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn the_public_half_is_that_of_a_private_key_alone() {
        assert!(public_half(super::super::seed::PRIVATE_KEY).is_some());
        for other in ["", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----", "no key"] {
            assert_eq!(public_half(other), None, "{other}");
        }
    }
}
