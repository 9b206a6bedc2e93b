#!/bin/bash
# Sends the webhook of a push as a git host does: its documented payload with the commits of this push, signed its way.
# Prints the HTTP status.
#   send_webhook.sh HOST ADDRESS SECRET DELIVERY REPOSITORY OLD NEW REF MESSAGE [CHANGED PATHS...]
set -euo pipefail
host=$1 address=$2 secret=$3 delivery=$4 repository=$5 old=$6 new=$7 ref=$8 message=$9
shift 9
data=$(cd "$(dirname "$0")/../../data/webhooks" && pwd)
paths=$(printf '%s\n' "$@" | jq -R . | jq -cs 'map(select(. != ""))')
branch=${ref#refs/heads/}

fill() { # FIXTURE PROGRAM
  jq -c --arg repository "$repository" --arg old "$old" --arg new "$new" --arg ref "$ref" --arg branch "$branch" \
    --arg message "$message" --arg delivery "$delivery" --argjson paths "$paths" "$2" "$data/$1.json"
}
hmac() { printf %s "$1" | openssl dgst -sha256 -hmac "$secret" -r | cut -d' ' -f1; }

commits='[{id: $new, message: $message, added: [], removed: [], modified: $paths}]'
headers=()
case $host in
  github)
    body=$(fill github_push '.ref = $ref | .before = $old | .after = $new | .repository.clone_url = $repository
      | .head_commit = {id: $new, message: $message} | .commits = '"$commits")
    headers=("X-GitHub-Event: push" "X-GitHub-Delivery: $delivery" "X-Hub-Signature-256: sha256=$(hmac "$body")")
    ;;
  gitea)
    body=$(fill gitea_push '.ref = $ref | .before = $old | .after = $new | .repository.clone_url = $repository
      | .head_commit = {id: $new, message: $message} | .commits = '"$commits")
    headers=("X-Gitea-Event: push" "X-Gitea-Delivery: $delivery" "X-Gitea-Signature: $(hmac "$body")"
      "X-GitHub-Event: push" "X-GitHub-Delivery: $delivery")
    ;;
  gitlab)
    body=$(fill gitlab_push '.ref = $ref | .before = $old | .after = $new | .checkout_sha = $new
      | .project.git_http_url = $repository | .commits = '"$commits")
    headers=("X-Gitlab-Event: Push Hook" "X-Gitlab-Event-UUID: $delivery" "X-Gitlab-Token: $secret")
    ;;
  bitbucket) # names no paths
    body=$(fill bitbucket_push '.repository.links.clone = [{name: "https", href: $repository}]
      | .push.changes = [.push.changes[1] | .new.name = $branch | .new.target.hash = $new | .new.target.message = $message
      | .old.target.hash = $old]')
    headers=("X-Event-Key: repo:push" "X-Request-UUID: $delivery" "X-Hub-Signature: sha256=$(hmac "$body")")
    ;;
  azuredevops) # names no paths
    body=$(fill azure_push '.id = $delivery | .resource.repository.remoteUrl = $repository
      | .resource.refUpdates = [{name: $ref, oldObjectId: $old, newObjectId: $new}]
      | .resource.commits = [{commitId: $new, comment: $message}]')
    headers=("Authorization: Basic $(printf 'hook:%s' "$secret" | base64 -w0)")
    ;;
  generic)
    body=$(fill generic_push '.repository = $repository | .ref = $ref | .before = $old | .after = $new
      | .message = $message | .paths = $paths')
    now=$(date +%s)
    headers=("X-Slipway-Event: push" "X-Slipway-Delivery: $delivery" "X-Slipway-Timestamp: $now"
      "X-Slipway-Signature: sha256=$(hmac "$now.$body")")
    ;;
  *) echo "unknown host '$host'" >&2; exit 2 ;;
esac
options=()
for header in "${headers[@]}"; do options+=(-H "$header"); done
printf %s "$body" | curl -s -o /dev/null -w '%{http_code}\n' -X POST -H 'Content-Type: application/json' \
  "${options[@]}" --data-binary @- "$address"
