import random, time
from datetime import timedelta
from regstore.digest import Digest
from regstore.policy import Policy
from regstore import layout
from tests.budgets.wire import watched
from tests.images import make_image
NAME="library/app"
IMAGE = make_image("costs", layers=8)
PLAIN = make_image("plain", layers=0)
def show(store, what, wire, full=False):
    with open("/tmp/explore.txt","a") as f:
        print(f"{store.name:10} {what:30} {len(wire.sent):4} {wire.round_trips:4}", file=f)
        if full: print(wire, file=f)

def test_it(store):
    def run(what, work, *, place=None, policy=None, full=False, before=None):
        place = place or store.place()
        if before:
            with place.open(policy) as r: before(r.repository(NAME))
        with watched() as wire, place.open(policy) as r:
            work(r.repository(NAME))
        show(store, what, wire, full)
        return place
    blob=b"content"; d=Digest.of(blob)
    run("small", lambda r: r.blobs.put(blob, d), full=False)
    for mib in (1, 20):
        body = random.Random(1).randbytes(mib<<20)
        bd = Digest.of(body)
        place = store.place()
        with watched() as wire:
            with place.open() as r: uid = r.repository(NAME).uploads.create().id
            with place.open() as r:
                u = r.repository(NAME).uploads.resume(uid); u.write(body); u.park()
            with place.open() as r:
                u = r.repository(NAME).uploads.resume(uid); u.commit(bd)
        show(store, f"POST PATCH PUT {mib}", wire, False)
        place = store.place()
        with watched() as wire:
            with place.open() as r: uid = r.repository(NAME).uploads.create().id
            with place.open() as r:
                u = r.repository(NAME).uploads.resume(uid); u.finish(bd, [body])
        show(store, f"POST PUT {mib}", wire, False)
    put=lambda r: r.blobs.put(blob,d)
    run("stat", lambda r: r.blobs.stat(d), before=put, full=False)
    run("get", lambda r: r.blobs.get(d), before=put)
    run("mount", lambda r: r.blobs.mount(d, NAME), before=put, full=False)
    def blobs(r):
        for b in IMAGE.blobs: r.blobs.put(b)
    place = run("manifest put", lambda r: r.manifests.put(IMAGE.manifest, tags=["v1"]), before=blobs, full=False)
    run("manifest put fresh", lambda r: r.manifests.put(IMAGE.manifest, tags=["v1"]), before=blobs, policy=Policy(fresh_links=timedelta(hours=1)), full=False)
    run("by tag", lambda r: r.manifests.get("v1"), place=place, full=False)
    run("by digest", lambda r: r.manifests.get(IMAGE.digest), place=place)
    run("untag", lambda r: r.tags.delete("v1"), place=place, full=False)
    def park(r):
        nonlocal uid
        u = r.uploads.create(); u.write(b"x"*1000); u.park(); uid=u.id
    run("status", lambda r: r.uploads.resume(uid).status(), before=park, full=False)
    run("cancel", lambda r: r.uploads.resume(uid).cancel(), before=park, full=False)
    def refer(r):
        PLAIN.push(r)
        for n in range(20):
            make_image("referrer", layers=0, subject=PLAIN.described(), annotations={"number": str(n)}).push(r)
        r.referrers.reindex()
    run("referrers 20", lambda r: list(r.referrers.all(PLAIN.digest)), before=refer)
    def tags(r):
        PLAIN.push(r, *[f"v{n:03}" for n in range(100)])
    t=time.monotonic()
    run("manifest delete 100", lambda r: r.manifests.delete(PLAIN.digest), before=tags)
    with open("/tmp/explore.txt","a") as f: print("seconds", time.monotonic()-t, file=f)
