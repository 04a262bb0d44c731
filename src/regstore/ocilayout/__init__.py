"""OCI image layouts, in and out: directories and tar archives of them.

A layout is ``oci-layout`` (a marker), ``index.json`` (what it holds, by name) and
``blobs/<algorithm>/<hex>`` (OCI image specification 1.1, ``image-layout.md``). Both directions
stream: nothing is unpacked to disk, no large blob is held in memory, and every byte is verified
against its digest and size before anything names it.
"""

from regstore.ocilayout.exporting import export_layout
from regstore.ocilayout.importing import import_layout
from regstore.ocilayout.transfer import Progress, Stores, Transfer, silent

__all__ = ["Progress", "Stores", "Transfer", "export_layout", "import_layout", "silent"]
