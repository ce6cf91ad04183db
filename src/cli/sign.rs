//! `sign`: from now on tags mean these digests.

mod batch;
mod told;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::{Code, Kind};
use super::output::{Failure, Format};
use super::passphrases::Passphrases;
use super::process::{guard_memory, wait_for};
use super::publishing::{self, not_offline, tell_of_pin, tell_of_root};
use super::root;
use super::source::{self, Source};
use super::subject::Subject;
use crate::docker::{RoleChoice, SignRequest, Signing, argument};
use crate::net::Access;
use crate::tuf::{Custom, KeyId, RoleName};
use batch::{Batch, batches};
use told::tell;

#[derive(Args)]
#[command(after_help = "\
What is signed is what the tag points to in the registry, unless --digest, --metadata-file or --oci-layout says \
otherwise. A repository that has no trust data yet gets it, as with docker push: its root key is one that is here, \
or a new one. Tags of one repository are published together. Passphrases come from \
DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE and DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE, from the file that \
COUNTERSIGN_PASSPHRASE_FILE names, or from the terminal.

Examples:
  countersign sign reg.io/team/web:1.4 reg.io/team/web:latest
  countersign sign web:1.4@sha256:…
  docker buildx build --push -t reg.io/web:1 --metadata-file build.json . &&
    countersign sign reg.io/web:1 --metadata-file build.json")]
pub(super) struct Arguments {
    /// Image references with their tags
    #[arg(required = true, value_name = "REF")]
    references: Vec<String>,

    #[command(flatten)]
    source: Source,

    /// Sign in this role and no other: targets, targets/alice or alice [default: as docker does]
    #[arg(long = "role", value_name = "ROLE", conflicts_with = "signer")]
    roles: Vec<String>,

    /// Sign as this signer: in targets/NAME, and in targets/releases
    #[arg(long, value_name = "NAME")]
    signer: Option<String>,

    /// JSON of your own to be signed with the digest
    #[arg(long, value_name = "FILE")]
    custom: Option<PathBuf>,

    /// Publish nothing: write what is to be signed into this file, for several people to sign (see
    /// `countersign root sign`)
    #[arg(long = "request", value_name = "FILE")]
    request_file: Option<PathBuf>,

    /// Root key for a repository that has no trust data yet
    #[arg(long, value_name = "ID", conflicts_with = "stage")]
    root_key: Option<KeyId>,

    /// Publish nothing: leave it to `countersign publish`, or to notary
    #[arg(long)]
    stage: bool,
}

/// Signs every reference; those of one repository at once.
pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    not_offline(context)?;
    guard_memory()?;
    let request = arguments.request()?;
    wait_for(async {
        let (batches, mut code) = batches(&arguments, context).await;
        batches.iter().try_for_each(Batch::check_one_meaning)?;
        if let Some(path) = &arguments.request_file {
            return write_request(batches, code, &request, path, context).await;
        }
        for batch in batches {
            code = code.max(match arguments.stage {
                true => stage(batch, &request, context).await,
                false => sign(batch, &request, context).await,
            });
        }
        Ok(code)
    })
}

impl Arguments {
    fn request(&self) -> Result<SignRequest, Failure> {
        Ok(SignRequest {
            tags: Vec::new(),
            roles: self.roles()?,
            custom: self.custom.as_deref().map(custom).transpose()?,
            root_key: self.root_key,
            local_snapshot: false,
        })
    }

    fn roles(&self) -> Result<RoleChoice, Failure> {
        let each_once: BTreeSet<RoleName> = match (&self.signer, self.roles.as_slice()) {
            (None, []) => return Ok(RoleChoice::AsDocker),
            (Some(name), _) => return Ok(RoleChoice::AsSigner(format!("targets/{name}").parse()?)),
            (None, roles) => {
                roles.iter().map(|role| signing_role(role)).collect::<Result<_, _>>()?
            }
        };
        Ok(RoleChoice::These(each_once.into_iter().collect()))
    }
}

fn custom(file: &Path) -> Result<Custom, Failure> {
    let text = source::read(file)?;
    Custom::parse(&text).map_err(|error| Failure::from(error).about(file.display()))
}

fn signing_role(name: &str) -> Result<RoleName, Failure> {
    let role = publishing::role(name)?;
    let refuse = || Failure::new(Kind::BadRole, format!("{role} signs no tags")).role(&role);
    if role.lists_targets() { Ok(role) } else { Err(refuse()) }
}

/// Leaves the signing to several people.
async fn write_request(
    batches: Vec<Batch>,
    code: Code,
    request: &SignRequest,
    path: &Path,
    context: &Context,
) -> Result<Code, Failure> {
    let (Ok([batch]), Code::Done) = (<[Batch; 1]>::try_from(batches), code) else {
        return match code {
            Code::Done => Err(Failure::new(Kind::Usage, "--request takes tags of one repository")),
            // What could not be found out was told already.
            code => Ok(code),
        };
    };
    let request = batch.requested(request);
    let (opened, keys) = (context.open(&batch.subject, Access::PushPull)?, context.key_set()?);
    let mut passphrases = Passphrases::new(context)?;
    let collection = opened.collection();
    let (written, _) = collection.request_tags(&request, &keys, &mut passphrases.chain()).await?;
    root::write(path, &written.to_text())?;
    root::show(&written, context)?;
    context.output.answer(&path.display().to_string());
    Ok(Code::Done)
}

async fn sign(batch: Batch, request: &SignRequest, context: &Context) -> Code {
    match publish(&batch.subject, &batch.requested(request), context).await {
        Ok(signing) => {
            tell(&batch, &signing, context);
            Code::Done
        }
        Err(failure) => batch.refusal(&failure, context),
    }
}

async fn stage(batch: Batch, request: &SignRequest, context: &Context) -> Code {
    match stage_all(&batch.subject, &batch.requested(request), context).await {
        Ok(()) => {
            for (typed, _, what) in &batch.tags {
                let gun = &batch.subject.gun;
                match context.output.format {
                    Format::Text => context.output.answer(&format!("{gun}@{}", what.digest)),
                    Format::Json => context.output.object(&json!({
                        "reference": typed,
                        "name": gun.as_str(),
                        "digest": what.digest.to_string(),
                        "staged": true,
                    })),
                }
            }
            Code::Done
        }
        Err(failure) => batch.refusal(&failure, context),
    }
}

async fn stage_all(
    subject: &Subject,
    request: &SignRequest,
    context: &Context,
) -> Result<(), Failure> {
    let opened = context.open(subject, Access::Pull)?;
    let changes = opened.collection().stage_signing(request, &context.key_set()?).await?;
    context.directory(&subject.gun).changelist().add(&changes, context.now)?;
    let gun = &subject.gun;
    let publish = format!("countersign publish {}", argument(gun));
    context.output.notice(&format!("{gun}: staged; `{publish}` publishes it"));
    Ok(())
}

/// Signs and publishes, and tells if the collection was founded for it.
///
/// # Errors
///
/// If nothing was published.
pub(super) async fn publish(
    subject: &Subject,
    request: &SignRequest,
    context: &Context,
) -> Result<Signing, Failure> {
    let opened = context.open(subject, Access::PushPull)?;
    let mut passphrases = Passphrases::new(context)?;
    let keys = context.key_set()?;
    let signing = opened.collection().sign(request, &keys, &mut passphrases.chain()).await?;
    if let Some(root) = &signing.founded {
        tell_of_root(&subject.gun, root, &keys, context)?;
        tell_of_pin(&subject.gun, context);
    }
    if signing.attempts > 1 {
        let faster = signing.attempts - 1;
        context.output.detail(&format!("{}: others were faster {faster} times", subject.gun));
    }
    Ok(signing)
}
