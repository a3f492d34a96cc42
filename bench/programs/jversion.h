#define JVERSION "6b"
#define JCOPYRIGHT_SHORT ""
#define JCOPYRIGHT ""
