//! The check of a token of Teams with its key at hand, beside the bare RSA verification that it cannot do without.
//!
//! It runs in this process: the keys come from the stand-in once, and what is timed needs no network.

use std::time::{Duration, Instant};

use ai_crm::actors::clock;
use ai_crm::channels::teams::keys::Keys;
use ai_crm::channels::teams::verify::Verifier;
use ai_crm::sim::teams::{App, Sender, SenderConfig, TeamsSim, TeamsWorld, Variant, seed};
use anyhow::Context;
use data_encoding::BASE64URL_NOPAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::Value;

use crate::support::figures::Report;
use crate::support::sections::Length;

const ROUNDS: u32 = 20_000;
const QUICK_ROUNDS: u32 = 2_000;
const MOST: Duration = Duration::from_micros(200);

/// Measures it.
pub(crate) async fn measure(report: &mut Report, length: Length) -> anyhow::Result<()> {
    let rounds = if length == Length::Quick { QUICK_ROUNDS } else { ROUNDS };
    // A second set-up finds the first, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = clock::system();
    let sim = TeamsSim::start("127.0.0.1:0", TeamsWorld::new(App::default(), clock.clone())).await?;
    let sender = Sender::new(sim.world().clone(), SenderConfig::new("http://127.0.0.1:9"))?;
    let activity = sender.typing("ada", "personal")?;
    let authorization = sender.sign(&activity, Variant::Genuine).authorization.context("a token")?;
    let verifier = Verifier::new(seed::APP_ID, Keys::new(sim.metadata_url().parse()?)?);
    let (service_url, channel) = (activity["serviceUrl"].as_str(), activity["channelId"].as_str());
    // The first fetches the keys.
    verifier.token(clock.now(), Some(&authorization)).await?;
    let begun = Instant::now();
    for _ in 0..rounds {
        verifier.token(clock.now(), Some(&authorization)).await?.vouches_for(service_url, channel)?;
    }
    let ours = begun.elapsed() / rounds;
    let bare = bare(&sim.metadata_url(), &authorization, rounds).await? / rounds;
    sim.stop().await;

    let micros = |took: Duration| took.as_secs_f64() * 1e6;
    report.line("the RSA verification alone, by ring", &format!("{:.1} µs", micros(bare)));
    let ratio = micros(ours) / micros(bare);
    report.line("a token checked, key at hand", &format!("{:.1} µs, {ratio:.2} of that", micros(ours)));
    report.demand("a token checked, key at hand", &format!("{:.1} µs", micros(ours)), "< 200 µs", ours < MOST);
    Ok(())
}

/// The signature of the token verified so many times, with nothing around it.
async fn bare(metadata: &str, authorization: &str, rounds: u32) -> anyhow::Result<Duration> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let get = async |url: &str| -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&client.get(url).send().await?.text().await?)?)
    };
    let metadata = get(metadata).await?;
    let keys = get(metadata["jwks_uri"].as_str().context("no jwks_uri")?).await?;
    let part = |name: &str| -> anyhow::Result<Vec<u8>> {
        let text = keys["keys"][0][name].as_str().with_context(|| format!("no {name}"))?;
        Ok(BASE64URL_NOPAD.decode(text.as_bytes())?)
    };
    let key = RsaPublicKeyComponents { n: part("n")?, e: part("e")? };
    let (_, token) = authorization.split_once(' ').context("no bearer")?;
    let (signed, signature) = token.rsplit_once('.').context("no signature")?;
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes())?;
    let begun = Instant::now();
    for _ in 0..rounds {
        let genuine = key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature);
        genuine.map_err(|_| anyhow::anyhow!("the signature is not genuine"))?;
    }
    Ok(begun.elapsed())
}
