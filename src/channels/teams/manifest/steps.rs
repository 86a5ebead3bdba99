//! What an operator does in Entra, Azure and Teams, in as few words as serve.
//!
//! Owns the texts alone. The lines for `az` are those of learn.microsoft.com/cli/azure/ad/app and /bot. Bots for many
//! tenants cannot be made since July 2025, so all of it is about one tenant
//! (learn.microsoft.com/azure/bot-service/abs-quickstart).

use super::AppId;

/// What to do where there is no app yet.
pub const REGISTER: &str = "\
in the portal: https://entra.microsoft.com → App registrations → New registration, for this directory only
               → Certificates & secrets → New client secret
or by az:
  app=$(az ad app create --display-name AI-CRM --sign-in-audience AzureADMyOrg --query appId --output tsv)
  az ad sp create --id \"$app\"
  az ad app credential reset --id \"$app\" --append    # shows appId, password and tenant, this once";

/// What the steps name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup<'a> {
    /// The bot's app.
    pub app: &'a AppId,
    /// Its Entra tenant, where it is known.
    pub tenant: Option<&'a str>,
    /// Where Azure is to send messages.
    pub endpoint: &'a str,
    /// The file of the package.
    pub package: &'a str,
}

/// What is left to do once the package is there.
#[must_use]
pub fn steps(setup: &Setup<'_>) -> String {
    let Setup { app, tenant, endpoint, package } = setup;
    let tenant = tenant.unwrap_or("'<tenant id>'");
    // The name of an Azure Bot is taken once for all of Azure.
    let app_text = app.to_string();
    let bot = format!("ai-crm-{}", app_text.split('-').next().unwrap_or_default());
    let named = format!("--resource-group ai-crm --name {bot}");
    format!(
        "{package} is the app package for Teams. What is left to do, where it is not done yet:

1. Entra: the app {app} is for one directory only and has a client secret
   (App registrations → the app → Certificates & secrets → New client secret), or a certificate there.

2. Azure: https://portal.azure.com → Create a resource → Azure Bot, of type Single Tenant, with this existing app
   → Configuration → Messaging endpoint: {endpoint}
   → Channels → Microsoft Teams
   or by az:
     az group create --name ai-crm --location westeurope
     az bot create {named} --app-type SingleTenant \\
       --appid {app} --tenant-id {tenant} \\
       --endpoint {endpoint} --sku F0
     az bot msteams create {named}

3. The bot: give it its secrets and start it
     export MICROSOFT_APP_ID={app}
     export MICROSOFT_APP_PASSWORD='<client secret>' MICROSOFT_APP_TENANT_ID={tenant}
     ai-crm serve

4. Teams: Apps → Manage your apps → Upload an app → Upload a custom app → {package}
   (for everybody: https://admin.teams.microsoft.com → Teams apps → Manage apps → Upload new app)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_can_be_copied() {
        let app = "0F8FAD5B-d9cb-469f-a165-70867728950e".parse().unwrap();
        let endpoint = "https://bot.example.com/api/messages";
        let mut setup = Setup { app: &app, tenant: Some("t-1"), endpoint, package: "a.zip" };
        let text = steps(&setup);
        for part in [
            "--name ai-crm-0f8fad5b --app-type SingleTenant",
            "--appid 0f8fad5b-d9cb-469f-a165-70867728950e --tenant-id t-1",
            "--endpoint https://bot.example.com/api/messages",
            "MICROSOFT_APP_TENANT_ID=t-1",
            "custom app → a.zip",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        setup.tenant = None;
        assert!(steps(&setup).contains("--tenant-id '<tenant id>'"));
    }
}
