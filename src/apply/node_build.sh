# Has the nix-store $1 realise path $2, and keeps what comes of it from garbage collection where the agent's `hold`
# does, for run $3 and under the name $4. More arguments are options of Nix. Its log comes as lines of the answer.
exec 2>&1
nix_store=$1
path=$2
case ${XDG_STATE_HOME-} in
  /*) state=$XDG_STATE_HOME ;;
  *) state=$HOME/.local/state ;;
esac
roots=$state/deploy/roots/$3
link=$roots/$4
shift 4
mkdir -p -- "$roots" && exec "$nix_store" --realise "$path" --add-root "$link" --indirect "$@"
