//! The keys with which Microsoft's stand-in signs what it sends to an application, and how it publishes them.
//!
//! Two RSA keys that everybody may know, so that a rotation can be played. It only makes keys and signatures, and
//! checks one of an application; what is signed stands in [`super::tokens`] and [`super::assertion`].

use data_encoding::{BASE64, BASE64URL_NOPAD};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

/// How many keys there are.
pub(super) const COUNT: usize = 2;

/// Two keys of 2048 bits, PKCS #1. They are public and protect nothing.
const KEYS: [&str; COUNT] = [
    "\
    MIIEpQIBAAKCAQEAuCy/nqMBRcYsg/tB4mdfKQ666bmhY0qNe5o+f9fUT6f/8MEQgGDfrfGPzkbsPdYOrEUvpZhMnWPB75bHChGQpN0RqOD5\
    YF/aiXqGXv/W5PxOQMfCnhD/zRBbRwID1YMqOxwmDfYut6GNwjTuzBAtFGbJ4+XHVzrZcGqceK0NGr6I5UL90UQNKOVSO5WqC05f1huQl7wT\
    pNRyC26o/djfBxIh3WkPaeIhqyqlLC8x8wWdrAn7Rw0o6BmBNbwWWoI6LW/1atTMOe12wAVIdSzHqX9gIvi+oMiV2fcJdow8s/dHN5kdD7Wl\
    cnCG7qNlzVk3eyupKevGWO0+M/99836XFQIDAQABAoIBAA7VxJSTtuCcKyNGwUKU8YXA3ZOXLoBX4Ggbn0ZUcqdSQLaE5/Od+f53RfkHXkmd\
    J6mULsI/r4eA932OmgHossuOJrlBRTe7A4MjPFYZdQGVBNJJKkG/BvUes2os58qnv1EraLGjX2rOsk4O+J+K0QVtlycKhUFJ6KWvt2KtYRrC\
    1CD0wB3Sqrv0kT/+53WOTknrzxeecJWzfT8NbnfkkjrW9+33+ghzTA71COcIskMvJ1SYHsiJNjM1mO5DANo31JGrrN7wvD5/QgZyQLbS2k+q\
    K0JFbjuEHVhRPhN2iHKrZbma4TbRz+8gIVcNvYlYKzMzh3m+ktDJOROJkTgZ9SkCgYEA9cje0mXN9WW5k2ZfOwIorO35QSr+OBOWTpKKnUsL\
    71wIuAB/shzw4W/dqp7os8mQbJ+nr2sC81uEh+YM6oF1nqDaC7/OjlkHFh8b1NH9vUO7+JFyvgoNdnyD9NeGxoUzPlL6gkjblqoU47JQezX7\
    LyRPvOx3K6Sri7WjOtGsYd0CgYEAv9RapRsXd/dSC98y+gQDoG1lo/23HG83S5ZoTVg8DVKtfqdyUl9f5kHmSSFbhnK+3doDK/A2xcS3Zfyi\
    1gBWW7rev/w3N3AJR889QEL2eRT9/GbiHz12poslyPafNOQJ6rR1icxHI3bzyJ3ABXDv9qD695IOazfm584XTFuv4pkCgYEArXiTg63kunGM\
    k/Mp/WzdpofjZ1Jf0NZKPLSC7tdb2hl78dowRlbU0Ffy/IxhsxrtOy1H3bBKidYq6Pu+W/j5OfdPTgGXWLKPJNbZ/tAjJWTcE2kcsfJIZDsn\
    qzQ+5Hh4nWFVe4TOrzzlt3tQAFYuLayUNsQyq/PyO438YfRAlWUCgYEAlmNx6OyzWm6/mOUT/uP0v+nj/EvlKVqbnBu/i5t4AO3nbFr0ClYR\
    ReA2HPEU4vPEZQMM5358QlG1gjQsqN881M9M4HBoDYM9E1oKZ/3XYxetAxrZfapfAbQnHEUUjY+VorZ1S2GmB8yy1H2v09Q1nEGaX0rXGQGL\
    egGdTFS5MEkCgYEA2JHyFEtFO3wG4Hpd/p+jJb1bcjIrlQJh1MqugopyVT3jNELsPwxcz2c/BjEhKcsI8c9iZiumZH2buQHIBb7tzZpuWXUZ\
    U3BmHFZjElcLmR63FXaTli4Abo+K4wb40t6bMJqbwdEVTnnDdnJJORnrSzP5DDdrJybk+XgGS9Pa5no=",
    "\
    MIIEpAIBAAKCAQEA2GpIt3Q77ThBqvV1UtbOjr3N8faWIJAMwqSUCJgFsenUUH+GvqqdnGgKAi9ZTqf+N6az452kcIpvMmjxc15vn/dGIQOm\
    Ibf34yNBk4mepB2HIZCaZOJa5X18lo9PLCXL40KQHsOS5W0yDrMke1A3cL9sCuRGSTY1OprCIcSXKG3zpGvrj+n12OPg/Zt1erR0w4wYoDyE\
    8tXObd3vSrKP1vWRlOaPyefkHEw56TJAzaJlSpiKVgkxx9oiIyH3SBuMn6elFtuR+RUUbfKuXiElfaLV+3J/A/Uc+LPspSNpmEMPZlP5RfmG\
    KyMl9PmVaGoyJ/vnfRxgrg50qKwf0PW+PwIDAQABAoIBAAkXReC2+EF5yIBm+Tu2nEywunL8mcfaZT7T7QgDYtHbcbjD8qQVxLMqR6lZ1dWR\
    BwPNc+cO2zaDCjLC58mh4OyGVaLTZWorMTWQaJPLByf7uY52ZZXxUEItqEsmz/uZxtvQEv/H1Wbf1Gd7rP+lGf8Ze29lsXIn3cqNb7Q9buAa\
    0n6Cbrdbgvj5JauzyuFqcYPs+CJfno0kw405xwuHoM25ejZ+no35KtCkr0w+P5FRjmLj+qcoqWnohYGtQvYPWD/PkZXy9E9z77M4seGq33eG\
    Wp6B9UrCLXhTlblrQL7T2FXBJ6DTVd2X4f3d9QaMZhPsKBAkTvvB2Wd4Lq7ZNFECgYEA+hv8nB0MRFN8Yrun4vNnwxaunoc+eYqqT+XaWhnY\
    uaQOsW3p5mKqy2dCiHLFlOOoSfjuCHgJCWnkS6b5M8XDVJ9PXwFsXB23E8hNmESN+c7yBqYHgJLGx0GzPB2/hry76pSY7gYC2ZpXwb/lFj8+\
    K8p4OcWg1eYbyrUql3bC6fcCgYEA3YMkJ2PHz2srjFAiwb9vYrFgZom37/8/m7sgqc5P/s1smas7zAiCHUgB+wYiq2V0me3at+GZEnYkwkmw\
    AQnNQ4R/8YIWwNaaDztSOR+Mjk6mMhnxqUpEib34x95uMVVKCN3d4SChJwoTfzKS+O4VjmEGs7u5vYwUCDZ/MZcd+/kCgYB5VPRiA5F84Ada\
    mnCin7Q5pxpFG5UKP2PJ6NbZmOpTfKwIFStAMaNrk4dqTEtfpGVypUlMYHb50x4GOVVxcUIGHlbR3w3jTiMPfL9v2+oIQwWUhhzjmdDGvy+l\
    PUU5pvt+nGHoLpBZYg+qlV4cQcf2VH2ogSA6RCw9VU/5NIrwFwKBgQCwcoIeDlFfW9L4lezZwJANYZWUmCc4uW4Fsu211W3LXf8f+VJMmIps\
    oKtTNfPv64USCHGs/7tbBVkKmn/kk9Y57hWsXx+YxFk7wNkiP4tK4ENqrVferhYiUn0VWI0WJwYuQe04IzG7Uz9slvCT8bKiE4+vI940qpxa\
    Xm67JdDwoQKBgQDlpm5cj/RoFTGMLXHAjXAvifYVU3Exk8kNKfBiwUDk8aZ4GGbxryFg0L54b8SwcgVhBDO7voiZzzFiw3htbO6g91TzsNwb\
    9JsJmyFdQ+uCGb0RRvcXWAoMNn+zDbZyVlX2ucUZAjAJhDCcYdb2dTnePulEidCQ1k3s+P0DDC9L5w==",
];

/// What the keys of the Bot Framework are endorsed for, as far as this stand-in speaks for it.
const ENDORSEMENTS: [&str; 4] = ["msteams", "webchat", "directline", "skype"];

/// A key that signs.
pub(super) struct SigningKey {
    pair: KeyPair,
    /// Its name in the published set: `kid` and, as Microsoft has it, `x5t` too.
    pub(super) kid: String,
}

impl SigningKey {
    /// The key of this number, counted round.
    pub(super) fn of(number: usize) -> Self {
        let number = number % COUNT;
        let der = BASE64.decode(KEYS[number].as_bytes()).expect("invariant: the keys are base64");
        let pair = KeyPair::from_der(&der).expect("invariant: the keys are RSA keys in PKCS #1");
        Self { pair, kid: format!("sim-teams-key-{}", number + 1) }
    }

    /// RS256 over `text`.
    pub(super) fn sign(&self, text: &str) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .expect("invariant: the signature has the length of the modulus");
        signature
    }

    /// The public half as an entry of the published set.
    fn published(&self, endorsed: bool) -> Value {
        let parts = PublicKeyComponents::<Vec<u8>>::from(self.pair.public());
        let mut key = json!({
            "kty": "RSA", "use": "sig", "kid": self.kid, "x5t": self.kid,
            "n": BASE64URL_NOPAD.encode(&parts.n), "e": BASE64URL_NOPAD.encode(&parts.e),
        });
        if endorsed {
            key["endorsements"] = json!(ENDORSEMENTS);
        }
        key
    }
}

/// The set of keys at `jwks_uri`, with the key of this number alone.
pub(super) fn published(number: usize, endorsed: bool) -> Value {
    json!({ "keys": [SigningKey::of(number).published(endorsed)] })
}

/// Whether the holder of an RSA key, in PKCS #1, made this PS256 signature.
pub(super) fn is_pss_signature(key: &[u8], text: &str, signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key).verify(text.as_bytes(), signature).is_ok()
}
